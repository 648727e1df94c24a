"""A two-way interpolation: content changes down, style across."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from unbraid.core.errors import DataError
from unbraid.core.interfaces.dataset import Dataset
from unbraid.core.interfaces.draws import derive_seed
from unbraid.core.interfaces.picture import Picture
from unbraid.core.report.drawing import Pictures, floats, framed, png_of
from unbraid.core.report.pictures import least_seen

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel


def interpolation_grid(model: "AttachedModel", first: Pictures, second: Pictures, steps: int = 6) -> bytes:
    """Draw all mixtures of two pictures: content goes from the first to the second downwards, style rightwards.

    The frame shows the two pictures as they are, at the ends they belong to: the first above and left of the first
    cell, the second above the last column and left of the last row.

    Args:
        model: can transfer, so its head entangles and its backbone decodes.
        first: `(C, H, W)` uint8 or float in [0, 1].
        second: the same.
        steps: cells a side.

    Returns:
        A PNG.

    Raises:
        CapabilityError: the head cannot entangle, or the backbone cannot decode.
        DataError: the pictures are not grey or colour.
    """
    a, b = floats(first)[None], floats(second)[None]
    cells = model.interpolate(a, b, steps)[:, :, 0].cpu()
    between = torch.ones_like(a).expand(steps - 2, *a.shape[1:])
    ends = torch.cat([a, between, b])
    return png_of(framed(ends, ends, cells))


def interpolation_picture(model: "AttachedModel", dataset: Dataset, *, steps: int = 6, seed: int = 0) -> Picture:
    """Draw the interpolation between two unseen pictures of different content, and style where there are any.

    Args:
        model: can transfer.
        dataset: where the pictures come from.
        steps: cells a side.
        seed: of the choice.

    Raises:
        CapabilityError: the head cannot entangle, or the backbone cannot decode.
        DataError: no two pictures differ in content and style.
    """
    rows, where = least_seen(dataset)
    rng = np.random.default_rng(derive_seed(seed, "report/interpolation_picture", 0))
    rows = rng.permutation(rows)
    judged = [labels for role, labels in dataset.labels.items() if role not in dataset.attributes]
    differ = np.all([labels[rows] != labels[rows[0]] for labels in judged], axis=0)
    if not differ.any():
        raise DataError("nothing to interpolate between", expected="two contents in two styles", found="one")
    first, second = dataset.images[rows[[0, np.flatnonzero(differ)[0]]]]  # one read: pictures may come off the disk
    png = interpolation_grid(model, first, second, steps)
    caption = (
        f"Content changes downwards, style rightwards; {where}. In the frame are the two pictures themselves: top left "
        "and bottom right are their reconstructions, top right and bottom left are swaps."
    )
    return Picture(caption, png, title="Interpolation in two directions")
