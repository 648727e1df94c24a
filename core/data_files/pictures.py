"""Picture files, decoded when they are asked for."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from unbraid.core.errors import DataError

#: Formats that are decoded; Pillow knows more, some of them through decoders that were never meant for foreign files.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


#: A file in a folder, or within a zip file.
PictureFile = Path | zipfile.Path

# What Pillow and zipfile raise for a file that is damaged.
_DAMAGE = (OSError, EOFError, SyntaxError, ValueError, Image.DecompressionBombError, zipfile.BadZipFile, zlib.error)


class FileImages:
    """Pictures of a list of files, as `(n, C, size, size)` uint8 for the rows that are asked for.

    Args:
        files: one a row.
        size: height and width.
        colour: three channels or one.
        fit: how a picture that is not square becomes so.
    """

    def __init__(
        self, files: Sequence[PictureFile], *, size: int, colour: bool, fit: Literal["crop", "pad", "stretch"] = "crop"
    ) -> None:
        self.files = tuple(files)
        self.shape = (len(self.files), 3 if colour else 1, size, size)
        self._fit = fit

    def __getitem__(self, rows: npt.NDArray[np.int64], /) -> npt.NDArray[np.uint8]:
        """Read the given rows.

        Raises:
            DataError: a file is missing or no picture; the message names it.
        """
        pictures = [self.read(self.files[row]) for row in np.asarray(rows)]
        return np.stack(pictures) if pictures else np.zeros((0, *self.shape[1:]), np.uint8)

    def read(self, file: PictureFile) -> npt.NDArray[np.uint8]:
        """Read one file, `(C, size, size)`."""
        try:
            with file.open("rb") as stream, Image.open(stream, formats=FORMATS) as picture:
                return self._pixels(self._squared(_flattened(picture, file)))
        except UnidentifiedImageError as error:
            raise unreadable(file, "not a picture of these formats, whatever its name says") from error
        except _DAMAGE as error:
            raise unreadable(file, str(error)) from error

    def readable(self, file: PictureFile) -> bool:
        """Tell whether a file is a picture that can be read, by reading it."""
        try:
            self.read(file)
        except DataError:
            return False
        return True

    def _squared(self, picture: Image.Image) -> Image.Image:
        size = self.shape[2:]
        if self._fit == "stretch":
            return picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        fit = ImageOps.fit if self._fit == "crop" else ImageOps.pad
        return fit(picture, (size[1], size[0]), Image.Resampling.BILINEAR)

    def _pixels(self, picture: Image.Image) -> npt.NDArray[np.uint8]:
        pixels = np.asarray(picture.convert("RGB" if self.shape[1] == 3 else "L"))
        return pixels.transpose(2, 0, 1) if pixels.ndim == 3 else pixels[None]


def unreadable(file: PictureFile, found: str) -> DataError:
    """Make the error for a file that is no picture."""
    return DataError(
        f"{file} cannot be read",
        expected=f"a picture: {', '.join(FORMATS)}",
        found=found,
        hint="remove or replace it, or leave such files out with on_error=skip",
    )


def _flattened(picture: Image.Image, file: PictureFile) -> Image.Image:
    """Turn the picture upright and lay it on white where it is transparent."""
    if picture.mode.startswith(("I", "F")):
        raise unreadable(file, f"mode {picture.mode}, more than 8 bits a channel")  # Pillow would cut the values off
    picture = ImageOps.exif_transpose(picture)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
