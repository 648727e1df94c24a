"""What every data set refuses: labels that do not match, a style that does not vary, factors of another length."""

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


def test_resizing_keeps_what_is_constant_and_averages_when_it_reduces() -> None:
    grey = np.full((2, 3, 10, 12), 77, np.uint8)
    assert (resized(grey, 5) == 77).all() and resized(grey, 5).shape == (2, 3, 5, 5)
    assert resized(grey[..., :10], 10) is not None
    checks = np.indices((64, 64)).sum(0).astype(np.uint8) % 2 * 255
    assert abs(resized(checks[None], 8).astype(float)[0, 2:6, 2:6] - 127.5).max() < 6
