"""Loading Omniglot."""

import numpy as np

from unbraid.adapters.datasets.omniglot.config import OmniglotConfig
from unbraid.adapters.datasets.omniglot.drawings import (
    DRAWERS,
    FILES,
    TABLE,
    TurnedImages,
    read_characters,
    read_drawings,
)
from unbraid.adapters.datasets.omniglot.splits import LISTS, character_splits, drawer_splits, with_turns
from unbraid.core.data_files.locate import locate
from unbraid.core.interfaces import Dataset, LabelSpec

SOURCE = "the drawings of https://github.com/brendenlake/omniglot and the Vinyals lists of Prototypical Networks"

NOTES = (
    "Ink is 255 on 0 (the original is black on white). Characters are split as Vinyals et al. (2016) do; the 172 of "
    "their 1,200 training characters that are for validation are whole alphabets, chosen here by a hash of their names. "
    "A drawer is a person within one alphabet; drawers are split with their alphabets, so unseen styles are those of "
    "unseen alphabets."
)


def load(config: OmniglotConfig) -> Dataset:
    """Load 32,460 drawings `(1, size, size)`, ink 255 on 0, or four times as many with rotations.

    Rows are in order: row `20 * class + drawer`; with rotations class `4 * character + quarter turns` counter-clockwise.

    Raises:
        DataError: a file is missing, damaged or another one.
    """
    folder = locate("omniglot", config.root, "omniglot", [*FILES, TABLE, *LISTS], source=SOURCE)
    drawings = read_drawings(folder, config.size)
    characters = read_characters(folder, len(drawings))
    turns = 4 if config.rotations else 1
    upright = character_splits(folder, characters)
    alphabets = list(dict.fromkeys(character.alphabet for character in characters))
    of_character = np.array([alphabets.index(character.alphabet) for character in characters], dtype=np.int64)
    classes, drawers = np.divmod(np.arange(len(characters) * turns * DRAWERS, dtype=np.int64), DRAWERS)
    suffixes = [f"/rot{90 * turn:03d}" for turn in range(turns)] if config.rotations else [""]
    return Dataset(
        name=f"omniglot, {config.size} px" + ", rotations" * config.rotations,
        images=TurnedImages(drawings, turns),
        content=LabelSpec("character", tuple(each.name + suffix for each in characters for suffix in suffixes)),
        style=LabelSpec("drawer", tuple(f"{each}/drawer{d + 1:02d}" for each in alphabets for d in range(DRAWERS))),
        labels={"content": classes, "style": of_character[classes // turns] * DRAWERS + drawers},
        splits={
            "content": with_turns(upright, turns),
            "style": drawer_splits(characters, upright, DRAWERS),
        },
        licence="MIT (c) 2015 Brenden Lake; cite Lake, Salakhutdinov and Tenenbaum, Science 350 (2015)",
        notes=NOTES,
    )
