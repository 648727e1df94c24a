"""Splits of classes are the same everywhere and hold every class once."""

import hashlib

import pytest

from unbraid.core.errors import ConfigError, LabelError
from unbraid.core.splits import SplitConfig, split_classes

NAMES = [f"class {i}" for i in range(50)]


def test_the_order_is_that_of_the_hash_of_the_names() -> None:
    splits = split_classes(NAMES, (30, 5, 15), seed=3)
    by_hash = sorted(NAMES, key=lambda name: hashlib.sha256(f"3/{name}".encode()).hexdigest())
    assert {NAMES[i] for i in splits["train"]} == set(by_hash[:30])
    assert {NAMES[i] for i in splits["test"]} == set(by_hash[35:])


def test_the_order_of_the_names_does_not_matter_and_the_seed_does() -> None:
    forwards, backwards = split_classes(NAMES), split_classes(NAMES[::-1])
    assert {NAMES[i] for i in forwards["test"]} == {NAMES[::-1][i] for i in backwards["test"]}
    assert forwards != split_classes(NAMES, seed=1)


@pytest.mark.parametrize("count", [3, 4, 7, 50])
@pytest.mark.parametrize("shares", [(0.7, 0.1, 0.2), (1, 0, 0), (0.98, 0.01, 0.01), (1, 1, 1)])
def test_every_class_is_in_one_split_and_no_wanted_split_is_empty(
    count: int, shares: tuple[float, float, float]
) -> None:
    splits = split_classes(NAMES[:count], shares)
    assert sorted(i for split in splits.values() for i in split) == list(range(count))
    assert [bool(splits[s]) for s in ("train", "validation", "test")] == [share > 0 for share in shares]


def test_counts_are_taken_as_they_are() -> None:
    splits = split_classes(NAMES, (31, 2, 17))
    assert [len(splits[s]) for s in ("train", "validation", "test")] == [31, 2, 17]


@pytest.mark.parametrize("shares", [(1, 1), (0, 0, 0), (-1, 1, 1), (float("nan"), 1, 1)])
def test_malformed_shares(shares: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="shares"):
        split_classes(NAMES, shares)


def test_too_few_classes() -> None:
    with pytest.raises(LabelError, match="too few classes") as caught:
        split_classes(["a", "b"])
    assert "2 classes" in str(caught.value.found)


def test_listed_classes() -> None:
    config = SplitConfig(classes={"train": ("a", "c"), "test": ("b",)})
    assert config.split(["a", "b", "c"], label="x") == {"train": (0, 2), "validation": (), "test": (1,)}


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({"train": ("robin",), "test": ("wrne",)}, "did you mean 'wren'"),
        ({"train": ("robin",)}, "missing .'wren'"),
        ({"train": ("robin", "wren"), "test": ("wren",)}, "more than once .'wren'"),
    ],
)
def test_lists_that_do_not_fit(classes: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(LabelError, match=message):
        SplitConfig(classes=classes).split(["robin", "wren"], label="bird")


def test_a_split_is_given_once_and_under_its_name() -> None:
    with pytest.raises(ConfigError, match="given twice"):
        SplitConfig(shares=(1, 1, 1), classes={})
    with pytest.raises(ConfigError, match="did you mean 'train'"):
        SplitConfig(classes={"trian": ("a",)})


def test_two_styles_are_all_for_training_unless_told_otherwise() -> None:
    assert SplitConfig().split_style(["a", "b"], label="s") == {"train": (0, 1), "validation": (), "test": ()}
    assert SplitConfig(shares=(1, 0, 1)).split_style(["a", "b"], label="s")["test"] != ()
