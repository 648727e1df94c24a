"""Turning what users have into what backbones take."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from unbraid.core.errors import ImageError
from unbraid.core.interfaces.specs import ImageSpec

#: How far rounding may carry a float outside [0, 1].
TOLERANCE = 1e-6


def as_images(images: Any, spec: ImageSpec) -> Tensor:
    """Give images as a backbone takes them, or say why they cannot be.

    Nothing is resized, rescaled or converted by guess: bytes are divided by 255, and that is all.

    Args:
        images: tensor or array `(B, C, H, W)`, or one picture `(C, H, W)`; uint8 in 0..255 or floats in [0, 1].
        spec: size the backbone takes.

    Returns:
        `(B, C, H, W)` float32 in [0, 1], on the device of the input.

    Raises:
        ImageError: not numbers of a usable dtype, of another size or channel count, out of range, or not finite.

    >>> as_images(np.full((1, 2, 2), 255, np.uint8), ImageSpec(1, 2, 2)).shape
    torch.Size([1, 1, 2, 2])
    """
    tensor = _as_tensor(images)
    _check_dtype(tensor)
    if tensor.ndim == 3:
        tensor = tensor.unsqueeze(0)
    _check_shape(tensor, spec)
    if tensor.dtype == torch.uint8:
        return tensor.float() / 255
    tensor = tensor.float()
    _check_range(tensor)
    return tensor.clamp(0, 1)


def _as_tensor(images: Any) -> Tensor:
    if isinstance(images, Tensor):
        return images
    if not isinstance(images, np.ndarray):
        raise ImageError(
            "images of a type that is not known",
            expected="a torch tensor or a numpy array",
            found=type(images).__name__,
            hint="numpy.asarray(picture) for a picture of Pillow; torch.stack for a list of tensors",
        )
    native = images.astype(images.dtype.newbyteorder("="), copy=False)
    try:
        return torch.from_numpy(np.array(native))  # a copy: a read-only array cannot be shared with torch
    except TypeError as error:
        raise _wrong_dtype(str(images.dtype)) from error


def _check_dtype(tensor: Tensor) -> None:
    if tensor.dtype != torch.uint8 and not tensor.is_floating_point():
        raise _wrong_dtype(str(tensor.dtype).removeprefix("torch."))


def _wrong_dtype(found: str) -> ImageError:
    return ImageError(
        "images of the wrong dtype",
        expected="uint8 in 0..255, or floats in [0, 1]",
        found=found,
        hint="convert them: .to(torch.uint8) for pixels in 0..255, .float() for pixels in [0, 1]",
    )


def _check_shape(tensor: Tensor, spec: ImageSpec) -> None:
    shape = tuple(tensor.shape)
    found = " x ".join(map(str, shape)) or "a single number"
    expected = f"B x {spec}"
    if tensor.ndim != 4:
        raise ImageError("images of the wrong number of dimensions", expected=f"{expected}, or one {spec}", found=found)
    _, channels, *size = shape
    if channels != spec.channels:
        last = shape[-1] == spec.channels and shape[1:3] == (spec.height, spec.width)
        raise ImageError(
            "images of the wrong channel count",
            expected=expected,
            found=found,
            hint="channels come first: .permute(0, 3, 1, 2)" if last else "convert them to grey or colour first",
        )
    if tuple(size) != (spec.height, spec.width):
        raise ImageError(
            "images of the wrong size", expected=expected, found=found, hint="resize them; the backbone does not"
        )


def _check_range(tensor: Tensor) -> None:
    if not tensor.numel():
        return
    low, high = (float(value) for value in torch.aminmax(tensor.detach()))
    if not torch.isfinite(tensor).all():
        count = int((~torch.isfinite(tensor)).sum())
        raise ImageError(
            "images with NaN or infinity", expected="finite numbers in [0, 1]", found=f"{count} pixels are not"
        )
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        raise ImageError(
            "images out of range", expected="[0, 1]", found=f"{low:g} .. {high:g}", hint=_range_hint(low, high)
        )


def _range_hint(low: float, high: float) -> str:
    if low < -TOLERANCE:
        return "looks like -1..1 or standardised: undo it; the backbone normalises by itself"
    return "looks like 0..255: divide by 255, or pass uint8" if high > 2 else "clamp or rescale them to [0, 1]"
