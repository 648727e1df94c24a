"""Resizing arrays of pictures."""

import numpy as np
import numpy.typing as npt
from PIL import Image


def resized(pictures: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Resize pictures bilinearly, with Pillow; a smaller picture averages over the area it loses.

    Args:
        pictures: `(..., H, W)`.
        size: height and width.

    Returns:
        `(..., size, size)`; the same array where it has that size.

    >>> resized(np.full((2, 1, 4, 4), 7, np.uint8), 8).shape
    (2, 1, 8, 8)
    """
    if pictures.shape[-2:] == (size, size):
        return pictures
    planes = np.ascontiguousarray(pictures).reshape(-1, *pictures.shape[-2:])
    scaled = np.empty((len(planes), size, size), np.uint8)
    for plane, into in zip(planes, scaled, strict=True):
        into[:] = np.asarray(Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR))
    return scaled.reshape(*pictures.shape[:-2], size, size)
