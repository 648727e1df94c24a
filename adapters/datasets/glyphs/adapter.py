"""Loading the embedded glyphs."""

import io
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from unbraid.adapters.datasets.glyphs.config import NATIVE_SIZE, GlyphsConfig
from unbraid.core.data_files.resizing import resized
from unbraid.core.interfaces import Dataset, LabelSpec
from unbraid.core.splits import split_classes

Pixels = npt.NDArray[np.uint8]

# Class counts for training, validation and test. The seed was fixed before anything was trained on the split.
CHARACTERS = (90, 14, 30)
TYPEFACES = (24, 3, 7)
SEED = 0

NOTES = (
    "Characters that differ only by an accent or by case may sit on both sides of the split, so 'unseen character' means "
    "an unseen combination of strokes at least, not always an unseen letter. Press Start 2P draws five accented capital "
    "and small pairs alike; Shadows Into Light draws B and sharp s alike."
)


def load(config: GlyphsConfig) -> Dataset:
    """Load the glyphs: 134 characters x 34 typefaces, one picture `(1, size, size)` each, ink 255 on 0.

    Rows are in order: row `character * 34 + typeface`.
    """
    pictures, characters, typefaces = _read()
    content, style = np.divmod(np.arange(len(characters) * len(typefaces), dtype=np.int64), len(typefaces))
    return Dataset(
        name="glyphs" if config.size == NATIVE_SIZE else f"glyphs, {config.size} px",
        images=resized(pictures, config.size)[:, None],
        content=LabelSpec("character", characters),
        style=LabelSpec("typeface", typefaces),
        labels={"content": content, "style": style},
        splits={
            "content": split_classes(characters, CHARACTERS, SEED),
            "style": split_classes(typefaces, TYPEFACES, SEED),
        },
        licence="rendered from fonts under OFL-1.1 or Apache-2.0; see LICENCES.md of the data set",
        notes=NOTES,
    )


def _read() -> tuple[Pixels, tuple[str, ...], tuple[str, ...]]:
    stored = files("unbraid.adapters.datasets.glyphs").joinpath("data", "latin_fonts_28.npz").read_bytes()
    with np.load(io.BytesIO(stored), allow_pickle=False) as arrays:
        pictures = arrays["images"].reshape(-1, NATIVE_SIZE, NATIVE_SIZE)
        return pictures, tuple(map(chr, arrays["characters"])), tuple(map(str, arrays["fonts"]))
