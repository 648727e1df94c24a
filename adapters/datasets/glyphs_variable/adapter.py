"""Drawing the variable glyphs."""

import string
from itertools import product

import numpy as np

from unbraid.adapters.datasets.glyphs_variable.config import GlyphsVariableConfig
from unbraid.adapters.datasets.glyphs_variable.font import AXES, VariableFont
from unbraid.core.interfaces import Dataset, LabelSpec

CHARACTERS = tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase)

NOTES = (
    "Every combination of character, weight and width, once. Edges depend on the version of FreeType within Pillow by a "
    "grey level or two, so the fingerprint may differ between machines. Unseen capitals may have their small twin in "
    "training."
)


def load(config: GlyphsVariableConfig) -> Dataset:
    """Draw letters and digits at every weight and width, `(1, size, size)`, ink 255 on 0.

    Rows are in order of character, weight, width, the last fastest; `factors` of the data set holds all three.

    Raises:
        DataError: the font package is damaged.
    """
    values = {"weight": _spread("weight", config.weights), "width": _spread("width", config.widths)}
    grid = (len(CHARACTERS), config.weights, config.widths)
    indices = np.indices(grid, dtype=np.int64).reshape(len(grid), -1)
    factors = {"character": indices[0], "weight": indices[1], "width": indices[2]}
    font = VariableFont(config.size)
    pictures = np.zeros((*grid, config.size, config.size), np.uint8)
    for (i, weight), (j, width) in product(enumerate(values["weight"]), enumerate(values["width"])):
        font.set({"weight": weight, "width": width})
        for number, character in enumerate(CHARACTERS):
            pictures[number, i, j] = font.draw(character)
    names = {axis: tuple(f"{value:g}" for value in along) for axis, along in values.items()}
    named = "".join(f", {axis}" for axis in config.attributes)
    return Dataset(
        name=f"glyphs-variable, {config.weights} x {config.widths}, {config.size} px, style {config.style}{named}",
        images=pictures.reshape(-1, 1, config.size, config.size),
        content=LabelSpec("character", CHARACTERS),
        style=LabelSpec(config.style, names[config.style]),
        attributes={axis: LabelSpec(axis, names[axis]) for axis in config.attributes},
        labels={
            "content": factors["character"],
            "style": factors[config.style],
            **{axis: factors[axis] for axis in config.attributes},
        },
        splits={
            "content": config.content_split.split(CHARACTERS, label="character"),
            "style": config.style_split.split_style(names[config.style], label=config.style),
        },
        licence="drawn from Inconsolata (The Inconsolata Project Authors), OFL-1.1",
        notes=NOTES,
        factors=factors,
    )


def _spread(axis: str, count: int) -> list[float]:
    """Spread values evenly over an axis; a single one is the font's regular, 400 or 100."""
    low, high = AXES[axis]
    if count == 1:
        return [{"weight": 400.0, "width": 100.0}[axis]]
    return [low + (high - low) * step / (count - 1) for step in range(count)]
