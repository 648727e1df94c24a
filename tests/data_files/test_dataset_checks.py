"""What every data set refuses: labels that do not match, a style that does not vary, factors of another length.

And what attributes add to the roles of content and style, and leave as it was.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from unbraid.core.data_files.resizing import resized
from unbraid.core.errors import LabelError
from unbraid.core.interfaces import Dataset, LabelSpec

ROWS = 6


def make(**changes: Any) -> Dataset:
    given: dict[str, Any] = {
        "name": "birds",
        "images": np.zeros((ROWS, 1, 8, 8), np.uint8),
        "content": LabelSpec("bird", ("owl", "robin", "wren")),
        "style": LabelSpec("light", ("dawn", "dusk")),
        "labels": {"content": np.arange(ROWS) % 3, "style": np.arange(ROWS) % 2},
        "splits": {
            "content": {"train": (0,), "validation": (1,), "test": (2,)},
            "style": {"train": (0, 1), "validation": (), "test": ()},
        },
    }
    return Dataset(**{**given, **changes})


def test_factors_are_kept_and_leave_the_fingerprint_alone() -> None:
    data = make(factors={"hour": np.arange(ROWS)})
    np.testing.assert_array_equal(data.factors["hour"], np.arange(ROWS))
    assert data.fingerprint == make().fingerprint and make().factors == {}


@pytest.mark.parametrize("values", [np.arange(5), np.arange(ROWS) - 1, np.arange(ROWS) * 1.0, np.zeros((ROWS, 1), int)])
def test_factors_that_do_not_fit(values: Any) -> None:
    with pytest.raises(LabelError, match="'hour' do not match the images"):
        make(factors={"hour": values})


@pytest.mark.parametrize("classes", [("dawn",), ()])
def test_a_style_that_does_not_vary(classes: tuple[str, ...]) -> None:
    with pytest.raises(LabelError, match="'light' is no style"):
        make(style=LabelSpec("light", classes))


def test_labels_that_do_not_match_the_images() -> None:
    with pytest.raises(LabelError, match="'bird' do not match the images"):
        make(labels={"content": np.arange(5) % 3, "style": np.arange(ROWS) % 2})


LEGS = LabelSpec("colour of the legs", ("black", "red"))
#: Red legs in the second half, and nobody looked at the last bird.
SEEN_LEGS = np.array([0, 0, 0, 1, 1, -1])


def with_legs(split: Any = None, **changes: Any) -> Dataset:
    given = make()
    return make(
        attributes={"legs": LEGS},
        labels={**given.labels, "legs": SEEN_LEGS},
        splits={**given.splits, **({"legs": split} if split else {})},
        **changes,
    )


def test_data_sets_without_attributes_keep_the_fingerprint_they_had() -> None:
    """Caches and shipped weights go by it. Taken before there were attributes, with and without a style."""
    assert make().fingerprint == "sha256:5adf0813d9f3be0bbc9e9f103124570591003b88c5dd26ac71ade3b3b8baac62"
    assert (
        make(style=None, labels={"content": np.arange(ROWS) % 3}).fingerprint
        == "sha256:ef4dfb96d5c43ca9a8880bb5c3c21199df1bf793901dc81e356b4e816835a83b"
    )


def test_attributes_count_in_the_fingerprint() -> None:
    moved = make(attributes={"legs": LEGS}, labels={**make().labels, "legs": 1 - np.abs(SEEN_LEGS)})
    assert len({make().fingerprint, with_legs().fingerprint, moved.fingerprint}) == 3


def test_a_changed_copy_has_a_fingerprint_of_its_own() -> None:
    first = make()
    before = first.fingerprint
    assert replace(first, labels={**first.labels, "content": first.labels["content"][::-1]}).fingerprint != before
    assert first.fingerprint == before == replace(first, name="other").fingerprint


def test_roles_are_content_style_and_attributes() -> None:
    assert list(with_legs().label_specs) == ["content", "style", "legs"]
    assert with_legs().label_specs["legs"] == LEGS
    assert list(make().label_specs) == ["content", "style"]


def test_an_attribute_without_splits_divides_nothing() -> None:
    data = with_legs()
    np.testing.assert_array_equal(data.rows(legs="train"), np.arange(ROWS))
    assert not len(data.rows(legs="test")) and not len(data.rows(legs="validation"))
    np.testing.assert_array_equal(data.training_rows(), make().training_rows())
    np.testing.assert_array_equal(data.training_rows(), [0, 3])  # owls
    np.testing.assert_array_equal(data.test_rows(), [2, 5])  # wrens


def test_an_attribute_with_splits_keeps_its_classes_apart() -> None:
    data = with_legs({"train": (0,), "test": (1,)})
    np.testing.assert_array_equal(data.rows(legs="train"), [0, 1, 2])
    np.testing.assert_array_equal(data.rows(legs="test", content="train"), [3])
    np.testing.assert_array_equal(data.training_rows(), [0])
    np.testing.assert_array_equal(data.test_rows(), [2, 3, 4, 5])


def test_closed_set_of_an_attribute() -> None:
    data = make(
        images=np.zeros((40, 1, 8, 8), np.uint8),
        attributes={"legs": LEGS},
        style=None,
        labels={"content": np.arange(40) % 3, "legs": np.arange(40) % 2},
    )
    parts = data.closed_set("legs")
    for legs in (0, 1):
        assert np.bincount(parts[data.labels["legs"] == legs]).tolist() == [16, 2, 2]


@pytest.mark.parametrize("name", ["content", "style", "rest", "Legs", "leg colour", "_legs", "legs_", "2legs", ""])
def test_names_that_cannot_be_roles(name: str) -> None:
    with pytest.raises(LabelError, match="cannot be called"):
        make(attributes={name: LEGS}, labels={**make().labels, name: SEEN_LEGS})


@pytest.mark.parametrize(
    ("legs", "spec", "message"),
    [
        (None, LEGS, "role 'legs' are missing"),
        (SEEN_LEGS[:-1], LEGS, "do not match the images"),
        (SEEN_LEGS + 1, LEGS, "out of range"),
        (SEEN_LEGS, LabelSpec("legs", ("black",)), "is no attribute"),
    ],
)
def test_attributes_that_do_not_fit(legs: Any, spec: LabelSpec, message: str) -> None:
    labels = {**make().labels, **({} if legs is None else {"legs": legs})}
    with pytest.raises(LabelError, match=message):
        make(attributes={"legs": spec}, labels=labels)


def test_splits_of_an_attribute_hold_every_class_once() -> None:
    with pytest.raises(LabelError, match="every class once"):
        with_legs({"train": (0,)})


def test_resizing_keeps_what_is_constant_and_averages_when_it_reduces() -> None:
    grey = np.full((2, 3, 10, 12), 77, np.uint8)
    assert (resized(grey, 5) == 77).all() and resized(grey, 5).shape == (2, 3, 5, 5)
    assert resized(grey[..., :10], 10) is not None
    checks = np.indices((64, 64)).sum(0).astype(np.uint8) % 2 * 255
    assert abs(resized(checks[None], 8).astype(float)[0, 2:6, 2:6] - 127.5).max() < 6
