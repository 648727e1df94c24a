"""Turn what callers have into what the `encode` graph takes; the rules are those of the torch side."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unbraid.core.errors import ImageError
from unbraid.core.serving.session import Array

#: How far rounding may carry a float outside [0, 1].
TOLERANCE = 1e-6


def as_image_array(images: Any, shape: tuple[int, ...]) -> Array:
    """Give images as a graph takes them, or say why they cannot be; nothing is resized or converted by guess.

    Args:
        images: array `(B, C, H, W)`, or one picture `(C, H, W)`; uint8 in 0..255 or floats in [0, 1].
        shape: `(C, H, W)` the graph takes.

    Returns:
        `(B, C, H, W)` float32 in [0, 1].

    Raises:
        ImageError: not an array of a usable dtype, of another size or channel count, out of range, or not finite.

    >>> as_image_array(np.full((1, 2, 2), 255, np.uint8), (1, 2, 2)).ravel().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    array = _checked_dtype(images)
    if array.ndim == 3:
        array = array[np.newaxis]
    _check_shape(array, shape)
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(255)
    array = array.astype(np.float32)
    _check_range(array)
    return array.clip(0, 1)


def _checked_dtype(images: Any) -> NDArray[Any]:
    if not isinstance(images, np.ndarray):
        found, hint = type(images).__name__, "numpy.asarray(picture), channels first"
        raise ImageError("images of a type that is not known", expected="a numpy array", found=found, hint=hint)
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise ImageError(
            "images of the wrong dtype",
            expected="uint8 in 0..255, or floats in [0, 1]",
            found=images.dtype,
            hint="convert them: .astype(numpy.uint8) for pixels in 0..255, .astype(numpy.float32) for pixels in [0, 1]",
        )
    return images


def _check_shape(array: NDArray[Any], shape: tuple[int, ...]) -> None:
    if array.ndim != 4 or array.shape[1:] != shape or not len(array):
        channels_last = array.ndim == 4 and (array.shape[3], *array.shape[1:3]) == shape
        raise ImageError(
            "images of the wrong shape",
            expected=f"B x {' x '.join(map(str, shape))}",
            found=" x ".join(map(str, array.shape)) or "a single number",
            hint="put channels first: images.transpose(0, 3, 1, 2)" if channels_last else "resize or convert them",
        )


def _check_range(array: Array) -> None:
    low, high = float(array.min()), float(array.max())
    if not (-TOLERANCE <= low and high <= 1 + TOLERANCE):  # also where either is NaN
        finite = np.isfinite(array).all()
        raise ImageError(
            "image values out of range" if finite else "images must be finite",
            expected="floats in [0, 1], no NaN",
            found=f"{low:.4g} to {high:.4g}",
            hint="divide pixels in 0..255 by 255, or pass them as uint8",
        )
