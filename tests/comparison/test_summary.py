"""Means, intervals and paired differences against closed forms and scipy."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from unbraid.core.comparison import Comparison, Failure
from unbraid.core.comparison.summary import shared_names
from unbraid.core.evaluation import RANDOM, RAW, Evaluation, Figure
from unbraid.core.evaluation.figure import Trials
from unbraid.core.evaluation.trials import load_trials, save_trials


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


def with_trials(evaluation, accuracies, classes):
    """The evaluation whose few-shot figure was these accuracies, episode by episode."""
    first, *others = evaluation.figures
    kept = replace(first, value=float(accuracies.mean()), trials=Trials(accuracies, classes))
    return replace(evaluation, figures=(kept, *others))


def planted(shift, seeds=2, episodes=400, count=24, ways=4, per_class=0.15):
    """Accuracies of two methods on the same episodes: how hard an episode is they share, and classes differ in shift."""
    rng = np.random.default_rng(0)
    classes = np.array([rng.permutation(count)[:ways] for _ in range(episodes)])
    hard = rng.normal(0, 0.2, episodes)
    gain = shift + per_class * rng.normal(size=count)
    first, second = {}, {}
    for seed in range(seeds):
        noise = rng.normal(0, 0.02, (2, episodes))
        first[seed] = with_trials(evaluation(0.5), 0.5 + hard + gain[classes].mean(1) + noise[0], classes)
        second[seed] = with_trials(evaluation(0.5, factor="content"), 0.5 + hard + noise[1], classes)
    return {"a": first, "b": second}


def trials_of(evaluations, label):
    return np.array([each.figures[0].trials.accuracies for each in evaluations[label].values()])


def test_differences_are_paired_by_episode_too():
    evaluations = planted(0.1)
    (difference,) = Comparison.of(evaluations, (), {"seeds": [0, 1]}).differences
    first, second = (trials_of(evaluations, label).mean(0) for label in "ab")
    reference = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert difference.episodes == pytest.approx((reference.low, reference.high), rel=1e-3)
    unpaired = stats.ttest_ind(first, second).confidence_interval(0.95)
    assert unpaired.high - unpaired.low > 2 * (reference.high - reference.low)  # what pairing is for
    assert difference.mean == pytest.approx((first - second).mean())


def test_new_classes_make_the_interval_of_a_difference_wider_and_it_may_be_negative():
    (difference,) = Comparison.of(planted(-0.2), (), {"seeds": [0, 1]}).differences
    width = lambda pair: pair[1] - pair[0]
    assert width(difference.classes) > 3 * width(difference.episodes)
    assert difference.classes[0] < difference.mean < difference.classes[1] < 0
    # in closed form: the mean over 24 classes of their gains, of deviation 0.15
    assert width(difference.classes) == pytest.approx(2 * 2.07 * 0.15 / np.sqrt(24), rel=0.35)
    alike = Comparison.of(planted(-0.2, per_class=0.0), (), {"seeds": [0, 1]}).differences[0]
    assert width(alike.classes) < 0.3 * width(difference.classes)


def test_figures_without_trials_or_with_other_episodes_have_no_interval_over_episodes():
    without = planted(0.1)
    bare = without["b"][1]
    without["b"][1] = replace(bare, figures=tuple(replace(figure, trials=None) for figure in bare.figures))
    other = planted(0.1)
    classes = other["b"][1].figures[0].trials.classes
    other["b"][1] = with_trials(other["b"][1], trials_of(other, "b")[1], classes[::-1])
    for evaluations in (without, other):
        (difference,) = Comparison.of(evaluations, (), {"seeds": [0, 1]}).differences
        assert difference.episodes is None and difference.classes is None and difference.interval is not None


def test_trials_are_kept_beside_the_figures_and_not_among_them(tmp_path):
    kept = planted(0.1)["a"][0]
    path = save_trials(tmp_path / "trials.safetensors", kept.figures)
    plain = Evaluation.from_dict(json.loads(json.dumps(kept.to_dict())))
    assert plain == kept and plain.figures[0].trials is None
    read = load_trials(path, plain.figures)
    np.testing.assert_array_equal(read[0].trials.accuracies, kept.figures[0].trials.accuracies)
    np.testing.assert_array_equal(read[0].trials.classes, kept.figures[0].trials.classes)
    assert load_trials(tmp_path / "none", plain.figures) == plain.figures
    again = save_trials(tmp_path / "again.safetensors", read)
    assert again.read_bytes() == path.read_bytes()
