"""Arrays and pictures of Pillow as a server takes them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unbraid.core.errors import ImageError

Array = NDArray[Any]


def as_array(images: Any, channels: int) -> Array:
    """Give images as `(B, C, H, W)` float32; pixels of bytes become [0, 1].

    Args:
        images: array `(B, C, H, W)` or `(C, H, W)`, a picture of Pillow, or a sequence of pictures.
        channels: of the model; pictures are converted to grey (1) or colour (3).

    Raises:
        ImageError: something else, or of a dtype that is neither bytes nor floats.

    >>> as_array(np.full((1, 2, 2), 255, np.uint8), 1).tolist()
    [[[[1.0, 1.0], [1.0, 1.0]]]]
    """
    array = images if isinstance(images, np.ndarray) else _pictures(images, channels)
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise ImageError("images of the wrong dtype", expected="uint8 or floats in [0, 1]", found=array.dtype)
    batch = array[np.newaxis] if array.ndim == 3 else array
    return batch.astype(np.float32) / np.float32(255 if batch.dtype == np.uint8 else 1)


def as_pictures(images: Array) -> Any:
    """Give arrays `(..., C, H, W)` in [0, 1] as pictures of Pillow, in lists nested as the leading dimensions."""
    from PIL import Image

    if images.ndim > 3:
        return [as_pictures(part) for part in images]
    pixels = (images.clip(0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def are_pictures(images: Any) -> bool:
    """Say whether images are pictures of Pillow rather than arrays."""
    return not isinstance(images, np.ndarray)


def _pictures(images: Any, channels: int) -> Array:
    pictures = images if isinstance(images, Sequence) else [images]
    if not pictures or any(not hasattr(picture, "convert") for picture in pictures):
        found = type(images).__name__
        raise ImageError("images of a type that is not known", expected="arrays or pictures of Pillow", found=found)
    arrays = [np.asarray(picture.convert("L" if channels == 1 else "RGB"), np.uint8) for picture in pictures]
    if len({array.shape for array in arrays}) > 1:
        sizes = ", ".join(f"{picture.width} x {picture.height}" for picture in pictures[:8])
        raise ImageError("pictures of several sizes", expected="one size", found=sizes, hint="picture.resize(size)")
    stacked = np.stack(arrays)
    return stacked[:, np.newaxis] if channels == 1 else stacked.transpose(0, 3, 1, 2)
