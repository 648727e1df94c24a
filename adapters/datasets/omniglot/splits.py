"""The split of the few-shot tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from unbraid.adapters.datasets.omniglot.drawings import Character
from unbraid.core.errors import DataError
from unbraid.core.interfaces import SPLITS, Split
from unbraid.core.splits import hashed_order

#: Lists of Vinyals et al. (2016), as Prototypical Networks published them: `alphabet/character/rotation` a line.
LISTS = ("vinyals/trainval.txt", "vinyals/test.txt")

#: Of the 1,200 characters of `trainval`; as many as Prototypical Networks held out.
VALIDATION = 172


def character_splits(folder: Path, characters: Sequence[Character]) -> dict[Split, tuple[int, ...]]:
    """Split upright characters as Vinyals et al. do, and whole alphabets of `trainval` off for validation.

    Test alphabets are new; characters of known alphabets would say too much good of what carries over to them.

    Raises:
        DataError: the lists do not name every character once, or no alphabets have 172 characters together.
    """
    names = [character.name for character in characters]
    train, test = (_listed(folder / file) for file in LISTS)
    if sorted(train + test) != sorted(names):
        raise DataError(
            f"the lists in {folder / 'vinyals'} do not match the drawings",
            expected=f"{len(names)} characters, each in one of trainval and test",
            found=f"{len(train)} and {len(test)}, {len(set(names) - {*train, *test})} missing",
        )
    index = {name: number for number, name in enumerate(names)}
    held_out = _alphabets_for_validation(Counter(map(_alphabet, train)))
    parts = {
        "train": [name for name in train if _alphabet(name) not in held_out],
        "validation": [name for name in train if _alphabet(name) in held_out],
        "test": test,
    }
    return {split: tuple(sorted(index[name] for name in parts[split])) for split in SPLITS}


def drawer_splits(
    characters: Sequence[Character], splits: dict[Split, tuple[int, ...]], drawers: int
) -> dict[Split, tuple[int, ...]]:
    """Split drawers with their alphabets: train before validation before test, where an alphabet has characters in several.

    Returns:
        Split -> indices of `alphabet * drawers + drawer`, alphabets in order of first appearance.
    """
    alphabets = list(dict.fromkeys(character.alphabet for character in characters))
    taken: set[str] = set()
    found: dict[Split, tuple[int, ...]] = {}
    for split in SPLITS:
        mine = {characters[each].alphabet for each in splits[split]} - taken
        taken |= mine
        numbers = [number for number, alphabet in enumerate(alphabets) if alphabet in mine]
        found[split] = tuple(number * drawers + drawer for number in numbers for drawer in range(drawers))
    return found


def with_turns(splits: dict[Split, tuple[int, ...]], turns: int) -> dict[Split, tuple[int, ...]]:
    """Put the turned classes of each character in its split.

    >>> with_turns({"train": (0,), "validation": (), "test": (1,)}, 4)
    {'train': (0, 1, 2, 3), 'validation': (), 'test': (4, 5, 6, 7)}
    """
    return {
        split: tuple(each * turns + turn for each in classes for turn in range(turns))
        for split, classes in splits.items()
    }


def _alphabets_for_validation(sizes: Mapping[str, int]) -> list[str]:
    """Choose alphabets that have 172 characters together: the first such choice in the order of a hash of their names."""
    names = list(sizes)
    ordered = [names[index] for index in hashed_order(names)]
    chosen = _filling([(name, sizes[name]) for name in ordered], VALIDATION)
    if chosen is None:
        raise DataError(
            "no alphabets of the training list make up the validation characters",
            expected=f"whole alphabets with {VALIDATION} characters together",
            found=f"{len(sizes)} alphabets with {sum(sizes.values())} characters",
        )
    return chosen


def _filling(sizes: Sequence[tuple[str, int]], room: int) -> list[str] | None:
    """Give the first of the sized names that fill the room exactly; None where none do."""
    if not room:
        return []
    for number, (name, size) in enumerate(sizes):
        rest = _filling(sizes[number + 1 :], room - size) if size <= room else None
        if rest is not None:
            return [name, *rest]
    return None


def _alphabet(name: str) -> str:
    return name.split("/", 1)[0]


def _listed(file: Path) -> list[str]:
    """Names of the upright characters of a list, in its order."""
    return list(dict.fromkeys(line.rsplit("/", 1)[0] for line in file.read_text(encoding="utf-8").split()))
