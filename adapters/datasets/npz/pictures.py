"""Bringing stored pictures into the one form data sets have: `(N, C, H, W)` uint8."""

from typing import Any

import numpy as np
import numpy.typing as npt

from unbraid.adapters.datasets.npz.config import Layout
from unbraid.core.errors import ImageError

_DIMENSIONS: dict[Layout, tuple[int, ...]] = {"grid": (4, 5), "nhw": (3,), "nchw": (4,), "nhwc": (4,)}
_COLOURS = (1, 3)


def find_layout(shape: tuple[int, ...], *, has_labels: bool) -> Layout:
    """Tell how pictures lie in their array.

    Raises:
        ImageError: no layout fits, or two do.

    >>> find_layout((10, 28, 28, 3), has_labels=True), find_layout((5, 4, 28, 28), has_labels=False)
    ('nhwc', 'grid')
    """
    if not has_labels:
        if len(shape) in _DIMENSIONS["grid"]:
            return "grid"
        raise ImageError(
            "pictures without labels are no full grid",
            expected="images (content, style, height, width), or an array `content` or `labels` beside them",
            found=f"images of shape {shape} and no labels",
        )
    if len(shape) == 3:
        return "nhw"
    if len(shape) != 4:
        raise _misfit(shape, "(N, H, W), (N, C, H, W) or (N, H, W, C)")
    first, last = shape[1] in _COLOURS, shape[3] in _COLOURS
    if first == last:
        raise _misfit(shape, "1 or 3 channels either first or last", hint="say so: layout=nchw or layout=nhwc")
    return "nchw" if first else "nhwc"


def channels_first(stored: npt.NDArray[Any], layout: Layout) -> npt.NDArray[Any]:
    """Give `(N, C, H, W)`.

    Raises:
        ImageError: the array does not have the dimensions of the layout, or not 1 or 3 channels.
    """
    if stored.ndim not in _DIMENSIONS[layout]:
        dimensions = " or ".join(map(str, _DIMENSIONS[layout]))
        raise _misfit(stored.shape, f"{dimensions} dimensions for layout {layout}")
    if layout == "grid":
        stored = stored.reshape(-1, *stored.shape[2:])
        layout = "nhw" if stored.ndim == 3 else "nhwc"
    if layout == "nhw":
        return stored[:, None]
    pictures = stored if layout == "nchw" else stored.transpose(0, 3, 1, 2)
    if pictures.shape[1] not in _COLOURS:
        raise _misfit(stored.shape, "1 or 3 channels")
    return pictures


def as_bytes(pictures: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Give uint8; floats in [0, 1] are scaled.

    Raises:
        ImageError: another dtype, or floats out of range or not finite.
    """
    if pictures.dtype == np.uint8:
        return np.ascontiguousarray(pictures)
    if pictures.dtype.kind != "f":
        raise ImageError("pictures of the wrong dtype", expected="uint8 or floats in [0, 1]", found=pictures.dtype)
    if not pictures.size:
        return pictures.astype(np.uint8)
    low, high = float(pictures.min()), float(pictures.max())
    if not 0 <= low <= high <= 1:  # false for NaN too
        hint = "looks like 0..255: save it as uint8" if high > 2 else "save it as uint8, or as floats in [0, 1]"
        raise ImageError(
            "pictures out of range", expected="finite floats in [0, 1]", found=f"{low:g} .. {high:g}", hint=hint
        )
    return np.ascontiguousarray(np.rint(pictures * 255).astype(np.uint8))


def _misfit(shape: tuple[int, ...], expected: str, hint: str | None = None) -> ImageError:
    return ImageError("pictures of a shape that does not fit", expected=expected, found=shape, hint=hint)
