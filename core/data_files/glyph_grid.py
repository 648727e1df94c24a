"""Embedded grids of characters x typefaces."""

import io
from importlib.resources import files

import numpy as np

from unbraid.core.data_files.resizing import resized
from unbraid.core.interfaces import Dataset, LabelSpec
from unbraid.core.splits import split_classes

Counts = tuple[int, int, int]


def load_glyph_grid(
    package: str, file: str, *, name: str, size: int, characters: Counts, typefaces: Counts, licence: str, notes: str
) -> Dataset:
    """Load a full grid that lies in the `data` folder of a package: pictures `(1, size, size)`, ink 255 on 0.

    Rows are in order: row `character * number of typefaces + typeface`.

    Args:
        package: dotted name.
        file: an `.npz` with `images` `(characters, typefaces, S, S)` uint8, `characters` code points and `fonts` names.
        name: of the data set; the size is added to it where it is not S.
        size: of the pictures, resized bilinearly.
        characters, typefaces: class counts for training, validation and test.
        licence, notes: of the data set.
    """
    stored = files(package).joinpath("data", file).read_bytes()
    with np.load(io.BytesIO(stored), allow_pickle=False) as arrays:
        pictures = arrays["images"]
        contents, styles = tuple(map(chr, arrays["characters"])), tuple(map(str, arrays["fonts"]))
    native = pictures.shape[-1]
    content, style = np.divmod(np.arange(len(contents) * len(styles), dtype=np.int64), len(styles))
    return Dataset(
        name=name if size == native else f"{name}, {size} px",
        images=resized(pictures.reshape(-1, native, native), size)[:, None],
        content=LabelSpec("character", contents),
        style=LabelSpec("typeface", styles),
        labels={"content": content, "style": style},
        # the seed was fixed before anything was trained on the splits
        splits={"content": split_classes(contents, characters, 0), "style": split_classes(styles, typefaces, 0)},
        licence=licence,
        notes=notes,
    )
