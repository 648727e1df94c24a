"""Splitting the classes of a label into training, validation and test, the same way on every machine."""

import difflib
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unbraid.core.config import check_keys
from unbraid.core.errors import ConfigError, LabelError
from unbraid.core.interfaces.dataset import SPLITS, Split

#: Shares of training, validation and test classes unless told otherwise.
DEFAULT_SHARES = (0.7, 0.1, 0.2)


def split_classes(
    names: Sequence[str], shares: Sequence[float] = DEFAULT_SHARES, seed: int = 0
) -> dict[Split, tuple[int, ...]]:
    """Split classes by the order of a hash of their names, so that no random generator is involved.

    Args:
        names: of the classes, all different.
        shares: of training, validation and test; any numbers from 0, scaled to their sum. Class counts work too.
        seed: another seed gives another split.

    Returns:
        Split -> sorted class indices; together every class once. A share above 0 gets at least one class.

    Raises:
        ConfigError: the shares are not three numbers from 0 with a positive sum.
        LabelError: there are fewer classes than splits that want some.

    >>> split_classes(["a", "b", "c", "d"], (2, 1, 1))
    {'train': (1, 2), 'validation': (3,), 'test': (0,)}
    """
    _check_shares(shares)
    order = hashed_order(names, seed)
    splits: dict[Split, tuple[int, ...]] = {}
    start = 0
    for split, count in zip(SPLITS, _counts(len(names), shares), strict=True):
        splits[split] = tuple(sorted(order[start : start + count]))
        start += count
    return splits


def hashed_order(names: Sequence[str], seed: int = 0) -> list[int]:
    """Give the indices of names in the order of a hash of each: a shuffle that is the same on every machine.

    >>> hashed_order(["a", "b", "c", "d"])
    [2, 1, 3, 0]
    """
    return sorted(range(len(names)), key=lambda index: hashlib.sha256(f"{seed}/{names[index]}".encode()).digest())


def _check_shares(shares: Sequence[float]) -> None:
    usable = len(shares) == len(SPLITS) and all(math.isfinite(share) and share >= 0 for share in shares)
    if not usable or sum(shares) <= 0:
        raise ConfigError(
            "the shares of a split are malformed",
            expected="three numbers from 0 for training, validation and test, not all 0",
            found=tuple(shares),
        )


def _counts(total: int, shares: Sequence[float]) -> list[int]:
    """Round the shares to class counts by largest remainder, and leave no wanted split empty."""
    wanted = [total * share / sum(shares) for share in shares]
    counts = [math.floor(share) for share in wanted]
    by_remainder = sorted(range(len(shares)), key=lambda i: counts[i] - wanted[i])
    for index in by_remainder[: total - sum(counts)]:
        counts[index] += 1
    if total < sum(share > 0 for share in shares):
        raise LabelError(
            "there are too few classes to split",
            expected="at least one class a split",
            found=f"{total} classes for shares {tuple(shares)}",
            hint="set the share of a split to 0",
        )
    for index, share in enumerate(shares):
        if share > 0 and counts[index] == 0:
            counts[counts.index(max(counts))] -= 1
            counts[index] = 1
    return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitConfig:
    """How the classes of one label are split: by share, or as listed.

    Args:
        shares: of training, validation and test; None is 70, 10 and 20 %.
        classes: split -> names of its classes, in place of shares; a split may be left out.
        seed: another seed gives another split by share.

    Raises:
        ConfigError: both shares and classes are given, or they are malformed.
    """

    shares: tuple[float, float, float] | None = None
    classes: Mapping[str, tuple[str, ...]] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.shares is not None and self.classes is not None:
            raise ConfigError("a split is given twice", expected="shares or classes", found="both")
        if self.shares is not None:
            _check_shares(self.shares)
        check_keys(self.classes or (), SPLITS, where="split", what="split")

    def split(self, names: Sequence[str], *, label: str) -> dict[Split, tuple[int, ...]]:
        """Split classes.

        Args:
            names: of the classes.
            label: what the classes are classes of; named in messages.

        Returns:
            Split -> sorted class indices; together every class once.

        Raises:
            LabelError: there are too few classes, or the lists do not hold every class once.
        """
        if self.classes is not None:
            return _listed(names, self.classes, label)
        return split_classes(names, self.shares or DEFAULT_SHARES, self.seed)

    def split_style(self, names: Sequence[str], *, label: str) -> dict[Split, tuple[int, ...]]:
        """Split classes as `split` does; fewer than three are all for training unless the config says otherwise."""
        if len(names) < len(SPLITS) and self.shares is None and self.classes is None:
            return {"train": tuple(range(len(names))), "validation": (), "test": ()}
        return self.split(names, label=label)


def _listed(names: Sequence[str], classes: Mapping[str, Sequence[str]], label: str) -> dict[Split, tuple[int, ...]]:
    listed = [name for split in SPLITS for name in classes.get(split, ())]
    for name in listed:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
            raise LabelError(
                f"the split of {label!r} lists a class that the data does not have",
                expected=f"names among the {len(names)} classes",
                found=repr(name),
                hint=f"did you mean {' or '.join(map(repr, near))}?" if near else None,
            )
    missing, repeated = sorted(set(names) - set(listed)), sorted({name for name in listed if listed.count(name) > 1})
    if missing or repeated:
        wrong = [f"missing {missing[:5]}"] * bool(missing) + [f"more than once {repeated[:5]}"] * bool(repeated)
        raise LabelError(
            f"the split of {label!r} does not hold every class once",
            expected=f"{len(names)} classes, each in one of train, validation and test",
            found=", ".join(wrong),
        )
    return {split: tuple(sorted(names.index(name) for name in classes.get(split, ()))) for split in SPLITS}
