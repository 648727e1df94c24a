"""Means, intervals and paired differences against closed forms and scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from unbraid.core.comparison import Comparison, Failure
from unbraid.core.comparison.summary import shared_names
from unbraid.core.evaluation import RANDOM, RAW, Evaluation, Figure


def evaluation(value, *, factor="identity", role="content", hash="a", higher=True, failures=None):
    name = f"few_shot/{factor}/unseen_content"
    figures = (
        Figure(
            name=name,
            value=value,
            summary="",
            chance=0.2,
            baselines={RAW: 0.5, RANDOM: value / 2},
            factor=factor,
            higher_is_better=higher,
            headline="x",
            protocol={"episode_hash": hash},
        ),
        Figure.absent("swap_error", "the head cannot entangle"),
    )
    protocol = {"factors": [{"name": factor, "role": role, "width": 3}]}
    return Evaluation(figures=figures, failures=failures or {}, protocol=protocol)


def comparison(first, second, **kwargs):
    evaluations = {
        "a": {seed: evaluation(value, **kwargs) for seed, value in enumerate(first)},
        "b": {seed: evaluation(value, factor="content") for seed, value in enumerate(second)},
    }
    return Comparison.of(evaluations, (), {"seeds": list(range(len(first)))})


@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_mean_and_interval_are_those_of_students_t(count):
    values = np.random.default_rng(count).uniform(0.4, 0.6, count)
    summary = comparison(values, values).summary("few_shot/content/unseen_content", "a")
    mean = values.mean()
    half = stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / math.sqrt(count)
    assert summary.mean == pytest.approx(mean)
    assert summary.interval == pytest.approx((mean - half, mean + half), rel=5e-3)
    assert (summary.chance, summary.baselines[RAW]) == (pytest.approx(0.2), pytest.approx(0.5))
    assert summary.baselines[RANDOM] == pytest.approx(mean / 2)
    assert summary.factor == "identity"


def test_differences_are_paired_by_seed():
    first, shift = np.array([0.3, 0.5, 0.7, 0.4]), np.array([0.10, 0.11, 0.12, 0.10])
    found = comparison(first + shift, first)
    (difference,) = found.differences
    reference = stats.ttest_rel(first + shift, first).confidence_interval(0.95)
    assert difference.interval == pytest.approx((reference.low, reference.high), rel=5e-3)
    assert (difference.first, difference.second, difference.better) == ("a", "b", "a")
    unpaired = stats.ttest_ind(first + shift, first).confidence_interval(0.95)
    assert unpaired.low < 0 < difference.interval[0]  # what pairing is for
    assert difference.values == {s: pytest.approx(d) for s, d in enumerate(shift)}


def test_better_follows_the_direction_of_the_figure_and_needs_more_than_one_seed():
    assert comparison([0.5, 0.51, 0.5], [0.3, 0.3, 0.31], higher=False).differences[0].better == "b"
    assert comparison([0.5, 0.3, 0.1], [0.3, 0.3, 0.3]).differences[0].better is None
    (alone,) = comparison([0.9], [0.1]).differences
    assert (alone.mean, alone.interval, alone.better) == (pytest.approx(0.8), None, None)


def test_other_episodes_are_not_paired():
    assert comparison([0.5, 0.6], [0.4, 0.5], hash="b").differences == ()


def test_figures_are_named_by_role_and_told_apart_where_a_role_has_several():
    assert set(shared_names(evaluation(0.5))) == {"few_shot/content/unseen_content", "swap_error"}
    twice = Evaluation(
        figures=(
            Figure(name="leakage/style/style", value=0.1, summary="", factor="style"),
            Figure(name="leakage/noise/style", value=0.2, summary="", factor="noise"),
            Figure(name="alignment/style/style", value=0.3, summary="", factor="style"),
        ),
        protocol={"factors": [{"name": "style", "role": "style"}, {"name": "noise", "role": "style"}]},
    )
    assert set(shared_names(twice)) == {
        "leakage/style:style/style",
        "leakage/style:noise/style",
        "alignment/style:style/style",
    }


def test_what_failed_and_what_does_not_apply_is_said():
    evaluations = {"a": {0: evaluation(0.5, failures={"mine": "ZeroDivisionError: x"})}, "b": {}}
    failed = Failure(label="b", seed=0, error="NonFiniteError: loss\nmore")
    found = Comparison.of(evaluations, (failed,), {"seeds": [0]})
    assert [f.metric for f in found.failures] == [None, "mine"]
    assert found.not_applicable == {"a": {"swap_error": "the head cannot entangle"}}
    assert (
        "b, seed 0: NonFiniteError: loss" in found.table() and "a, seed 0, mine: ZeroDivisionError: x" in found.table()
    )


def test_the_table_says_points_and_who_is_ahead():
    table = comparison([0.5, 0.51, 0.5], [0.3, 0.3, 0.31]).table()
    for said in ("few_shot/content/unseen_content (best: high)", "a - b", "+20.0 points", "20.0 %", "50.0 %"):
        assert said in table
