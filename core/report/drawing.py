"""Grids of pictures as PNG."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from unbraid.core.errors import DataError

Pixels = npt.NDArray[np.uint8]
Pictures = Tensor | npt.NDArray[Any]

#: Pixels between cells, and the grey behind them.
GAP, PAPER, RULE = 2, 255, 160
#: Width a cell is enlarged to at least, so that small pictures can be seen.
CELL = 56


def floats(pictures: Pictures) -> Tensor:
    """Give pictures as floats in [0, 1] on the CPU; `DataError` unless they are grey or colour."""
    tensor = torch.as_tensor(pictures).cpu()
    tensor = tensor.float() / 255 if tensor.dtype == torch.uint8 else tensor.float()
    if tensor.shape[-3] not in (1, 3):
        raise DataError(
            "only grey and colour pictures can be drawn", expected="1 or 3 channels", found=tensor.shape[-3]
        )
    return tensor


def framed(content: Tensor, style: Tensor, cells: Tensor) -> Pixels:
    """Set cells `(n, m, C, H, W)` into a frame with the donors: `(height, width, 3)`."""
    blank = torch.full_like(style[:1], PAPER / 255)
    lines = [torch.cat([blank, style])] + [torch.cat([content[i : i + 1], cells[i]]) for i in range(len(content))]
    scale = max(1, -(-CELL // cells.shape[-1]))
    drawn = [np.concatenate([_cell(each, scale, j == 0) for j, each in enumerate(line)], 1) for line in lines]
    drawn[0] = _ruled(drawn[0], axis=0)
    return np.concatenate(drawn, 0)


def grid(pictures: Tensor, columns: int) -> Pixels:
    """Set pictures `(B, C, H, W)` in rows of `columns`: `(height, width, 3)`; what fills no row is left out."""
    scale = max(1, -(-CELL // pictures.shape[-1]))
    cells = [_cell(each, scale, donor=False) for each in pictures]
    rows = [np.concatenate(cells[i : i + columns], 1) for i in range(0, len(cells) - columns + 1, columns)]
    return np.concatenate(rows, 0)


def _cell(picture: Tensor, scale: int, donor: bool) -> Pixels:
    pixels = (picture.nan_to_num(0.5).clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    pixels = np.repeat(pixels, 3, 2) if pixels.shape[2] == 1 else pixels
    pixels = pixels.repeat(scale, 0).repeat(scale, 1)
    bordered: Pixels = np.pad(pixels, ((GAP, GAP), (GAP, GAP), (0, 0)), constant_values=PAPER)
    return _ruled(bordered, axis=1) if donor else bordered


def _ruled(pixels: Pixels, axis: int) -> Pixels:
    """Add a grey rule behind a header row (axis 0) or column (axis 1)."""
    shape = (GAP, pixels.shape[1], 3) if axis == 0 else (pixels.shape[0], GAP, 3)
    return np.concatenate([pixels, np.full(shape, RULE, np.uint8)], axis)


def beside(grids: list[Pixels]) -> Pixels:
    """Set grids of one height side by side."""
    space = np.full((grids[0].shape[0], CELL // 2, 3), PAPER, np.uint8)
    return np.concatenate([part for grid in grids for part in (grid, space)][:-1], 1)


def png_of(pixels: Pixels) -> bytes:
    """Encode pixels `(height, width, 3)`."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
