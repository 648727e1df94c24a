"""Loading the embedded glyphs."""

from unbraid.adapters.datasets.glyphs.config import GlyphsConfig
from unbraid.core.data_files.glyph_grid import load_glyph_grid
from unbraid.core.interfaces import Dataset

# Class counts for training, validation and test.
CHARACTERS = (90, 14, 30)
TYPEFACES = (24, 3, 7)

NOTES = (
    "Characters that differ only by an accent or by case may sit on both sides of the split, so 'unseen character' means "
    "an unseen combination of strokes at least, not always an unseen letter. Press Start 2P draws five accented capital "
    "and small pairs alike; Shadows Into Light draws B and sharp s alike."
)


def load(config: GlyphsConfig) -> Dataset:
    """Load the glyphs: 134 characters x 34 typefaces, one picture `(1, size, size)` each, ink 255 on 0.

    Rows are in order: row `character * 34 + typeface`.
    """
    return load_glyph_grid(
        "unbraid.adapters.datasets.glyphs",
        "latin_fonts_28.npz",
        name="glyphs",
        size=config.size,
        characters=CHARACTERS,
        typefaces=TYPEFACES,
        licence="rendered from fonts under OFL-1.1 or Apache-2.0; see LICENCES.md of the data set",
        notes=NOTES,
    )
