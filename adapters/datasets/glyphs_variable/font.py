"""Drawing characters with a variable font."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from unbraid.core.errors import DataError

PACKAGE = "fontpkg_inconsolata"
#: Ends of the axes the font must have.
AXES = {"weight": (200, 900), "width": (50, 200)}

#: Characters are drawn this much larger and averaged down.
OVERSAMPLING = 4
#: Font size as a share of the picture's: the widest character at the largest width just fits.
SHARE = 0.7


class VariableFont:
    """Inconsolata, at any weight and width.

    Args:
        size: height and width of the pictures.

    Raises:
        DataError: the package holds no such font.
    """

    def __init__(self, size: int) -> None:
        self._canvas = size * OVERSAMPLING
        folder = Path(str(files(PACKAGE).joinpath("files")))
        try:
            file = next(folder.glob("*wght*.ttf"))
            self._font = ImageFont.truetype(str(file), int(SHARE * self._canvas))
            self._axes = [(axis.get("name") or b"").decode().lower() for axis in self._font.get_variation_axes()]
        except (StopIteration, OSError) as error:
            raise DataError(
                f"{PACKAGE} holds no variable font",
                expected=f"Inconsolata[wdth,wght].ttf in {folder}",
                found=str(error) or "no such file",
                hint="pip install --force-reinstall fontpkg-inconsolata",
            ) from error

    def set(self, values: Mapping[str, float]) -> None:
        """Choose weight and width."""
        self._font.set_variation_by_axes([values[name] for name in self._axes])

    def draw(self, character: str) -> npt.NDArray[np.uint8]:
        """Draw a character, the middle of its bounding box in the middle: `(size, size)` uint8, ink 255 on 0."""
        room = Image.new("L", (2 * self._canvas, 2 * self._canvas))
        ImageDraw.Draw(room).text((self._canvas // 2, self._canvas // 2), character, font=self._font, fill=255)
        ink = room.crop(room.getbbox())
        picture = Image.new("L", (self._canvas, self._canvas))
        picture.paste(ink, ((self._canvas - ink.width) // 2, (self._canvas - ink.height) // 2))
        return np.asarray(picture.reduce(OVERSAMPLING))
