"""Reading the sheets the characters are made of."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from unbraid.adapters.datasets.lpc_sprites.config import NATIVE_SIZE, Action, Direction
from unbraid.core.errors import DataError

SHEET_SIZE = (13 * NATIVE_SIZE, 21 * NATIVE_SIZE)
_DIRECTIONS: tuple[Direction, ...] = ("back", "left", "front", "right")
#: Action -> its first row in the sheet and its number of frames.
_ACTIONS: dict[Action, tuple[int, int]] = {
    "spellcast": (0, 7),
    "thrust": (4, 8),
    "walk": (8, 9),
    "slash": (12, 6),
    "shoot": (16, 13),
}


@dataclass(frozen=True, slots=True)
class Pose:
    """One frame of a sheet."""

    action: Action
    direction: Direction
    frame: int

    @property
    def name(self) -> str:
        """As the style is called, `walk-left-3`."""
        return f"{self.action}-{self.direction}-{self.frame}"

    @property
    def corner(self) -> tuple[int, int]:
        """Top and left of the frame in the sheet, in pixels."""
        row = _ACTIONS[self.action][0] + _DIRECTIONS.index(self.direction)
        return NATIVE_SIZE * row, NATIVE_SIZE * self.frame


def list_poses(actions: tuple[Action, ...], directions: tuple[Direction, ...]) -> list[Pose]:
    """List the frames of actions in directions."""
    return [Pose(a, d, frame) for a in actions for d in directions for frame in range(_ACTIONS[a][1])]


def read_frames(path: Path, layer: str, variants: range, poses: list[Pose]) -> npt.NDArray[np.uint8]:
    """Cut the frames of some poses out of the sheets of a layer.

    Returns:
        `(variants, poses, 64, 64, 4)` uint8, RGBA.

    Raises:
        DataError: the zip file or a sheet in it is missing or damaged; the message names it.
    """
    sheets = [_read_sheet(path, f"{layer}/{variant}.png") for variant in variants]
    return np.stack([np.stack([_cut(sheet, pose) for pose in poses]) for sheet in sheets])


def _cut(sheet: npt.NDArray[np.uint8], pose: Pose) -> npt.NDArray[np.uint8]:
    top, left = pose.corner
    return sheet[top : top + NATIVE_SIZE, left : left + NATIVE_SIZE]


def _read_sheet(path: Path, name: str) -> npt.NDArray[np.uint8]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as stream:
            sheet = Image.open(stream, formats=("PNG",)).convert("RGBA")
    except (OSError, KeyError, SyntaxError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path}/{name} cannot be read",
            expected="a zip file of sheets, <layer>/<n>.png",
            found=str(error),
            hint="copy it again",
        ) from error
    if sheet.size != SHEET_SIZE:
        raise DataError(f"{path}/{name} is another sheet", expected=f"{SHEET_SIZE} pixels", found=sheet.size)
    return np.asarray(sheet)
