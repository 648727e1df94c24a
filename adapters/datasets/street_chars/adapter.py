"""Loading characters from photographs of streets."""

import string
from typing import Any

import numpy as np
import numpy.typing as npt

from unbraid.adapters.datasets.street_chars.config import NATIVE_SIZE, StreetCharsConfig
from unbraid.core.data_files.archive import Archive
from unbraid.core.data_files.locate import locate
from unbraid.core.data_files.resizing import resized
from unbraid.core.errors import DataError, LabelError
from unbraid.core.interfaces import Dataset, LabelSpec

FILE = "street_chars_32.npz"
SOURCE = "the training part of Kaggle's First Steps With Julia, which took it from Chars74K"
CHARACTERS = tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase)

NOTES = (
    "Classes are very uneven. Crops were squeezed to squares, and capital and small letters such as O and o, or 0 and O, "
    "are often told apart by nothing in the crop."
)


def load(config: StreetCharsConfig) -> Dataset:
    """Load 6,283 colour crops `(3, size, size)` of 62 characters.

    Raises:
        DataError: the file is missing, damaged or another one.
        LabelError: labels do not match the pictures, or name other characters.
    """
    folder = locate("street-chars", config.root, "street-chars", [FILE], source=SOURCE)
    with Archive(folder / FILE) as archive:
        pictures, codes = archive.read("images"), archive.read("labels")
    if pictures.dtype != np.uint8 or pictures.shape[1:] != (NATIVE_SIZE, NATIVE_SIZE, 3):
        raise DataError(
            f"{FILE} is another file",
            expected=f"uint8 (N, {NATIVE_SIZE}, {NATIVE_SIZE}, 3)",
            found=f"{pictures.dtype} {pictures.shape}",
        )
    return Dataset(
        name="street-chars" if config.size == NATIVE_SIZE else f"street-chars, {config.size} px",
        images=resized(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)), config.size),
        content=LabelSpec("character", CHARACTERS),
        labels={"content": _labels(codes, len(pictures))},
        splits={"content": config.content_split.split(CHARACTERS, label="character")},
        licence="no licence that allows redistribution; acknowledge and cite Chars74K (de Campos et al. 2009)",
        notes=NOTES,
    )


def _labels(codes: npt.NDArray[Any], count: int) -> npt.NDArray[np.int64]:
    known = np.array([ord(character) for character in CHARACTERS])
    if codes.shape != (count,) or not np.isin(codes, known).all():
        raise LabelError(
            f"{FILE}: labels do not match the images",
            expected=f"{count} ASCII codes of letters and digits, one an image",
            found=f"shape {codes.shape}, {int((~np.isin(codes, known)).sum())} other codes",
        )
    return np.searchsorted(known, codes).astype(np.int64)
