"""A matrix as a picture: names at the side, numbers in the cells, darker for more."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from unbraid.core.report.drawing import PAPER, png_of

#: Width and height of a cell, room for the names at the left and above, and size of the letters.
WIDE, HIGH, SIDE, TOP, LETTERS = 58, 24, 110, 26, 14
#: Share of black above which letters are white.
DARK = 0.5


def heat_map(values: Tensor, rows: Sequence[str], columns: Sequence[str], *, most: float | None = None) -> bytes:
    """Draw a matrix `(R, C)` of numbers from 0 upwards: white is 0, black the largest or `most`.

    Args:
        values: NaN stays white and has no number.
        rows: R names.
        columns: C names.
        most: what is black; None is the largest value.

    Returns:
        A PNG of `SIDE + C * WIDE` x `TOP + R * HIGH` pixels.
    """
    high = max(float(values.nan_to_num(0).max()) if most is None else most, 1e-12)
    size = (SIDE + WIDE * len(columns), TOP + HIGH * len(rows))
    image = Image.new("RGB", size, (PAPER, PAPER, PAPER))
    drawing, font = ImageDraw.Draw(image), ImageFont.load_default(LETTERS)
    for j, name in enumerate(columns):
        drawing.text((SIDE + WIDE * (j + 0.5), TOP / 2), name, fill="black", font=font, anchor="mm")
    for i, name in enumerate(rows):
        top = TOP + HIGH * i
        drawing.text((SIDE - 8, top + HIGH / 2), name[:14], fill="black", font=font, anchor="rm")
        for j, value in enumerate(values[i].tolist()):
            _cell(drawing, font, (SIDE + WIDE * j, top), value, min(max(value / high, 0.0), 1.0))
    return png_of(np.asarray(image))


def _cell(
    drawing: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    corner: tuple[int, int],
    value: float,
    share: float,
) -> None:
    """Draw one number on its shade."""
    if not np.isfinite(value):
        return
    left, top = corner
    grey = round(PAPER * (1 - share))
    drawing.rectangle((left, top, left + WIDE - 2, top + HIGH - 2), fill=(grey, grey, grey))
    ink = "white" if share > DARK else "black"
    drawing.text((left + WIDE / 2, top + HIGH / 2), f"{value:.2f}", fill=ink, font=font, anchor="mm")
