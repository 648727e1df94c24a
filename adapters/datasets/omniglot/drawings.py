"""The drawings and the names of what they show."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unbraid.core.data_files.archive import Archive
from unbraid.core.data_files.resizing import resized
from unbraid.core.errors import DataError

DRAWERS = 20
NATIVE_SIZE = 105
FILES = ("images_background.npz", "images_evaluation.npz")
TABLE = "alphabets.csv"


@dataclass(frozen=True, slots=True)
class Character:
    """A character: its alphabet, and its number within it from 1."""

    alphabet: str
    number: int

    @property
    def name(self) -> str:
        """As the few-shot splits write it, `Angelic/character01`."""
        return f"{self.alphabet}/character{self.number:02d}"


def read_drawings(folder: Path, size: int) -> npt.NDArray[np.uint8]:
    """Read the drawings of all characters in official order.

    Returns:
        `(characters, drawers, size, size)` uint8, ink 255 on 0.

    Raises:
        DataError: a file is damaged or another one.
    """
    parts = []
    for file in FILES:
        with Archive(folder / file) as archive:
            paper = archive.read("images")
        if paper.dtype != np.bool_ or paper.shape[1:] != (DRAWERS, NATIVE_SIZE, NATIVE_SIZE):
            raise DataError(
                f"{folder / file} is another file",
                expected=f"bool (characters, {DRAWERS}, {NATIVE_SIZE}, {NATIVE_SIZE}), False is ink",
                found=f"{paper.dtype} {paper.shape}",
            )
        parts.append(resized(np.where(paper, np.uint8(0), np.uint8(255)), size))
    return np.concatenate(parts)


def read_characters(folder: Path, count: int) -> list[Character]:
    """List the characters in official order from the table of alphabets.

    Raises:
        DataError: the table is damaged, or lists another number of characters.
    """
    found: list[Character] = []
    try:
        with (folder / TABLE).open(encoding="utf-8", newline="") as stream:
            for row in sorted(csv.DictReader(stream), key=lambda row: int(row["first_character_id"])):
                found += [Character(row["alphabet"], number + 1) for number in range(int(row["characters"]))]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{folder / TABLE} is another file",
            expected="columns alphabet, first_character_id, characters",
            found=f"{type(error).__name__}: {error}",
        ) from error
    if len(found) != count:
        raise DataError(
            f"{folder / TABLE} does not match the drawings", expected=f"{count} characters", found=len(found)
        )
    return found


class TurnedImages:
    """Drawings turned by quarters when they are asked for, counter-clockwise.

    Args:
        drawings: `(characters, drawers, size, size)`.
        turns: how many quarter turns are classes of their own, 1 (none but upright) or 4.

    Rows are in order: row `(character * turns + turn) * drawers + drawer`.
    """

    def __init__(self, drawings: npt.NDArray[np.uint8], turns: int) -> None:
        characters, drawers, height, width = drawings.shape
        self.shape = (characters * turns * drawers, 1, height, width)
        self._drawings = drawings
        self._turns = turns

    def __getitem__(self, rows: npt.NDArray[np.int64], /) -> npt.NDArray[np.uint8]:
        """Read the given rows."""
        classes, drawers = np.divmod(np.asarray(rows), self._drawings.shape[1])
        characters, turns = np.divmod(classes, self._turns)
        pictures = self._drawings[characters, drawers]
        for turn in range(1, self._turns):
            chosen = turns == turn
            pictures[chosen] = np.rot90(pictures[chosen], turn, axes=(1, 2))
        return pictures[:, None]
