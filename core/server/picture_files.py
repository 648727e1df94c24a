"""PNG and JPEG to pixels and back, without trust in what a file says of itself."""

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

from unbraid.core.errors import RequestError
from unbraid.core.server.limits import Limits
from unbraid.core.server.tensors import Tensor

#: Pillow knows 40 more formats; some of them run other programs.
FORMATS = ("PNG", "JPEG")
#: 8 bits a channel; converting others would change their values in ways nobody asked for.
MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA"})
_CHANNELS = {1: "L", 3: "RGB"}


def drawable(shape: tuple[int, ...]) -> bool:
    """Say whether images `(C, H, W)` are grey or in colour, so that files can hold them."""
    return shape[0] in _CHANNELS


def read_picture(data: bytes, shape: tuple[int, ...], limits: Limits, *, resize: bool = False) -> Tensor:
    """Decode a picture; transparent ones are put on white, cameras' rotation is undone.

    Args:
        data: a PNG or JPEG file of one picture.
        shape: `(C, H, W)` of the model's images; colour becomes grey, and grey colour, where it must.
        limits: on width times height, looked at before anything is unpacked.
        resize: stretch a picture of another size; refused otherwise.

    Returns:
        `(C, H, W)` float32 in [0, 1].

    Raises:
        RequestError: 400 no such picture, or of another size; 413 too large.
    """
    try:
        picture = _unpacked(data, limits)
    except RequestError:
        raise
    except Exception:  # noqa: BLE001 - decoders of damaged files raise whatever comes to them
        raise _no_picture() from None
    size = (shape[2], shape[1])
    if picture.size != size and not resize:
        raise RequestError(400, f"pictures must be {size[0]} x {size[1]}; with ?fit=resize they are made so")
    picture = _on_white(picture).convert(_CHANNELS[shape[0]])
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    pixels = np.asarray(picture, np.float32) / np.float32(255)
    return pixels.reshape(*shape[1:], shape[0]).transpose(2, 0, 1)


def write_png(grid: Tensor) -> bytes:
    """Encode images as one PNG.

    Args:
        grid: `(R, S, C, H, W)` in [0, 1]: R rows of S images.
    """
    rows, columns, channels, height, width = grid.shape
    pixels = (grid.clip(0, 1) * 255).round().astype(np.uint8).transpose(0, 3, 1, 4, 2)
    sheet = pixels.reshape(rows * height, columns * width, channels)
    out = io.BytesIO()
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(out, "PNG")
    return out.getvalue()


def _unpacked(data: bytes, limits: Limits) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about sizes, which are checked here
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > limits.picture_pixels:
                raise RequestError(413, f"a picture may have {limits.picture_pixels} pixels")
            if getattr(picture, "n_frames", 1) > 1 or picture.mode not in MODES:
                raise _no_picture()
            picture.load()
            return ImageOps.exif_transpose(picture)


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture
    picture = picture.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def _no_picture() -> RequestError:
    return RequestError(400, "pictures must be whole PNG or JPEG files of one image, 8 bits a channel, grey or RGB")
