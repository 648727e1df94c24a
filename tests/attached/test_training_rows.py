"""Who learns from rows whose content has no label."""

import numpy as np
import pytest

import unbraid
from unbraid.core.attached.fitting import training_rows, validation_rows
from unbraid.core.evaluation.gather import population_rows
from unbraid.testing import toy_backbone, toy_dataset

SMALL = {
    "m2": {"style": 3, "encoder": (8,), "decoder": (8,), "classifier": (8,)},
    "nvae": {"shared": 3, "class_dependent": 2, "trunk": (8,), "decoder": (8,), "classifier": (8,)},
}


@pytest.fixture(scope="module")
def data() -> unbraid.Dataset:
    return toy_dataset(0.4)


@pytest.fixture(scope="module")
def missing(data: unbraid.Dataset) -> np.ndarray:
    """Rows without a label whose style is for training."""
    return np.flatnonzero((data.labels["content"] < 0) & np.isin(data.labels["style"], data.splits["style"]["train"]))


@pytest.mark.parametrize("method", SMALL)
def test_a_method_of_partial_labels_is_fitted_on_them(method: str, data: unbraid.Dataset, missing: np.ndarray) -> None:
    model = unbraid.attach(method, toy_backbone("vector"), **SMALL[method])
    rows = training_rows(model, data)
    assert set(missing) <= set(rows)
    known = np.setdiff1d(rows, missing)
    assert set(known) < set(data.training_rows()), "a part of the labelled rows is left out"
    model.fit(data, steps=2, quiet=True)
    assert bool(model.head.partial), "the head saw no row without a label"
    # what is measured, and what stops a run, needs the labels
    assert not set(missing) & {*validation_rows(model, data), *population_rows(model, data)["train"]}


def test_the_other_methods_never_see_them(data: unbraid.Dataset, missing: np.ndarray) -> None:
    model = unbraid.attach("prototype", toy_backbone("vector"))
    assert not set(missing) & set(training_rows(model, data))
    np.testing.assert_array_equal(training_rows(model, data), data.training_rows())


def test_with_all_labels_nothing_changes() -> None:
    whole = toy_dataset()
    np.testing.assert_array_equal(whole.training_rows(), whole.training_rows(unlabelled=True))
