"""Variance within a class by overall variance, on planted Gaussians where it is known."""

import numpy as np
import pytest

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation import RANDOM, RAW, Evidence, Population
from unbraid.plugins.metrics.variance_ratio import variance_ratio, variance_ratios
from unbraid.registry import get_registry, import_target

#: Variance of the class means and within a class, of four numbers: the ratio is the second by the sum.
BETWEEN, WITHIN = np.array([3.0, 1.0, 0.0, 8.0]), np.array([1.0, 1.0, 5.0, 0.0])
CLASSES, ROWS = 20, 500


def planted(seed=0):
    """Rows of twenty classes whose means have exactly the variance that was asked for."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(CLASSES, 4))
    means = (means - means.mean(0)) / means.std(0) * np.sqrt(BETWEEN)
    labels = np.repeat(np.arange(CLASSES), ROWS)
    return means[labels] + np.sqrt(WITHIN) * rng.normal(size=(len(labels), 4)), labels


def test_ratios_of_planted_gaussians_are_those_of_the_closed_form():
    codes, labels = planted()
    found = variance_ratios(codes, labels)
    np.testing.assert_allclose(found.numbers, WITHIN / (WITHIN + BETWEEN), atol=0.02)
    assert found.each.shape == (CLASSES, 4) and found.samples == CLASSES * ROWS
    assert found.value == pytest.approx(found.numbers.mean())
    assert found.interval[0] < found.value < found.interval[1]


def test_the_interval_over_classes_holds_the_truth_as_often_as_it_says():
    """Classes differ in spread: variance e^g with g standard normal, all means equal, so the true ratio is 1."""
    held = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        spread = rng.uniform(0.5, 1.5, size=40)
        labels = np.repeat(np.arange(40), 200)
        codes = np.sqrt(spread[labels])[:, None] * rng.normal(size=(len(labels), 3))
        low, high = variance_ratios(codes, labels).interval
        held.append(low <= 1.0 <= high)
    assert np.mean(held) >= 0.9


def test_rows_without_a_label_and_classes_of_one_row_are_left_out():
    codes, labels = planted()
    more = np.concatenate([codes, 100 + codes[:3]])
    found = variance_ratios(more, np.concatenate([labels, [-1, -1, CLASSES]]))
    np.testing.assert_array_equal(found.each, variance_ratios(codes, labels).each)
    assert found.alone == 1


def test_numbers_that_never_change_count_for_nothing():
    codes, labels = planted()
    found = variance_ratios(np.column_stack([codes, np.full(len(codes), 7.0)]), labels)
    assert np.isnan(found.numbers[4]) and found.value == pytest.approx(variance_ratios(codes, labels).value)
    with pytest.raises(ProtocolError, match="never changes"):
        variance_ratios(np.zeros((4, 2)), np.array([0, 0, 1, 1]))
    with pytest.raises(ProtocolError, match="needs classes"):
        variance_ratios(codes[:ROWS], labels[:ROWS])


def evidence(factors, random_factors=None):
    codes, labels = planted()
    population = Population(
        name="held_out",
        rows=np.arange(len(codes)),
        z=codes.astype(np.float32),
        labels={"content": labels},
        factors={name: part(codes).astype(np.float32) for name, part in factors.items()},
        random_factors={name: part(codes).astype(np.float32) for name, part in (random_factors or {}).items()},
    )
    return Evidence(populations={"held_out": population}, roles={"what": "content", "how": "style"})


def test_figures_stand_beside_raw_latents_and_an_untrained_head():
    split = {"what": lambda z: z[:, [0, 3]], "how": lambda z: z[:, [2, 2]]}
    swapped = {"what": split["how"], "how": split["what"]}
    what, how = variance_ratio(evidence(split, swapped))
    assert (what.name, how.name) == ("variance_ratio/what/held_out", "variance_ratio/how/held_out")
    assert what.value == pytest.approx((0.25 + 0.0) / 2, abs=0.02) and how.value == pytest.approx(1.0, abs=0.02)
    assert what.baselines[RANDOM] == pytest.approx(how.value) and how.baselines[RANDOM] == pytest.approx(what.value)
    assert what.baselines[RAW] == pytest.approx((WITHIN / (WITHIN + BETWEEN)).mean(), abs=0.02)
    assert what.chance == 1.0 and not what.higher_is_better and how.higher_is_better
    assert what.protocol["per_number"] == pytest.approx([0.25, 0.0], abs=0.02)


def test_a_factor_that_never_changes_says_so_and_an_untrained_one_is_no_baseline():
    constant = {"what": lambda z: z, "how": lambda z: np.ones((len(z), 2))}
    what, how = variance_ratio(evidence(constant, {"what": constant["how"], "how": constant["how"]}))
    assert how.value is None and "never changes" in how.not_applicable
    assert what.baselines[RANDOM] is None


def test_the_registry_finds_it():
    assert import_target(get_registry().resolve("metric", "variance_ratio")) is variance_ratio
