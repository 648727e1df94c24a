"""Loading the embedded Japanese glyphs."""

import io
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from unbraid.adapters.datasets.glyphs_kanji.config import NATIVE_SIZE, GlyphsKanjiConfig
from unbraid.core.data_files.resizing import resized
from unbraid.core.interfaces import Dataset, LabelSpec
from unbraid.core.splits import split_classes

# Class counts for training, validation and test. The seed was fixed before anything was trained on the split.
CHARACTERS = (420, 60, 120)
TYPEFACES = (14, 2, 4)
SEED = 0

NOTES = (
    "Voiced kana differ from their plain twin by two strokes or a ring, and kanji share radicals: an unseen character is "
    "an unseen combination of strokes, not always unseen strokes. Two validation and four test typefaces are few."
)


def load(config: GlyphsKanjiConfig) -> Dataset:
    """Load the glyphs: 600 characters x 20 typefaces, one picture `(1, size, size)` each, ink 255 on 0.

    Rows are in order: row `character * 20 + typeface`.
    """
    pictures, characters, typefaces = _read()
    content, style = np.divmod(np.arange(len(characters) * len(typefaces), dtype=np.int64), len(typefaces))
    return Dataset(
        name="glyphs-kanji" if config.size == NATIVE_SIZE else f"glyphs-kanji, {config.size} px",
        images=resized(pictures, config.size)[:, None],
        content=LabelSpec("character", characters),
        style=LabelSpec("typeface", typefaces),
        labels={"content": content, "style": style},
        splits={
            "content": split_classes(characters, CHARACTERS, SEED),
            "style": split_classes(typefaces, TYPEFACES, SEED),
        },
        licence="rendered from freely licensed fonts; see LICENCES.md of the data set",
        notes=NOTES,
    )


def _read() -> tuple[npt.NDArray[np.uint8], tuple[str, ...], tuple[str, ...]]:
    stored = files("unbraid.adapters.datasets.glyphs_kanji").joinpath("data", "kanji_fonts_32.npz").read_bytes()
    with np.load(io.BytesIO(stored), allow_pickle=False) as arrays:
        pictures = arrays["images"].reshape(-1, NATIVE_SIZE, NATIVE_SIZE)
        return pictures, tuple(map(chr, arrays["characters"])), tuple(map(str, arrays["fonts"]))
