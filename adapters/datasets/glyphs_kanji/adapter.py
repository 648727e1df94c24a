"""Loading the embedded Japanese glyphs."""

from unbraid.adapters.datasets.glyphs_kanji.config import GlyphsKanjiConfig
from unbraid.core.data_files.glyph_grid import load_glyph_grid
from unbraid.core.interfaces import Dataset

# Class counts for training, validation and test.
CHARACTERS = (420, 60, 120)
TYPEFACES = (14, 2, 4)

NOTES = (
    "Voiced kana differ from their plain twin by two strokes or a ring, and kanji share radicals: an unseen character is "
    "an unseen combination of strokes, not always unseen strokes. Two validation and four test typefaces are few."
)


def load(config: GlyphsKanjiConfig) -> Dataset:
    """Load the glyphs: 600 characters x 20 typefaces, one picture `(1, size, size)` each, ink 255 on 0.

    Rows are in order: row `character * 20 + typeface`.
    """
    return load_glyph_grid(
        "unbraid.adapters.datasets.glyphs_kanji",
        "kanji_fonts_32.npz",
        name="glyphs-kanji",
        size=config.size,
        characters=CHARACTERS,
        typefaces=TYPEFACES,
        licence="rendered from freely licensed fonts; see LICENCES.md of the data set",
        notes=NOTES,
    )
