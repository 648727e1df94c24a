"""Intervals against published values, and against how often they hold what they should."""

import numpy as np
import pytest

from unbraid.core.evaluation.episodes import draw_episodes
from unbraid.core.evaluation.few_shot import few_shot_accuracy
from unbraid.core.evaluation.intervals import (
    class_bootstrap_interval,
    normal_interval,
    ratio_interval,
    t95,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe 1998, Table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(successes, n, low, high):
    assert wilson_interval(successes / n, n) == pytest.approx((low, high), abs=5e-5)


def test_normal_interval_in_closed_form():
    values = np.array([0.0, 1.0, 0.0, 1.0])
    half = 3.182446 * np.sqrt(1 / 3) / 2  # t of three degrees of freedom
    assert normal_interval(values) == pytest.approx((0.5 - half, 0.5 + half), rel=0.02)
    many = np.tile(values, 1000)
    assert normal_interval(many)[1] - 0.5 == pytest.approx(1.96 * 0.5 / np.sqrt(4000), rel=1e-3)
    assert normal_interval(values[:1]) is None


@pytest.mark.parametrize(("freedom", "quantile"), [(3, 3.182446), (5, 2.570582), (10, 2.228139), (29, 2.045230)])
def test_t95_is_the_tabled_quantile(freedom, quantile):
    assert t95(freedom) == pytest.approx(quantile, rel=0.01)


def covered(intervals, truth):
    return np.mean([low <= truth <= high for low, high in intervals])


def test_ratio_interval_holds_the_true_ratio_in_95_of_100_samples_of_classes():
    rng = np.random.default_rng(0)
    intervals = []
    for _ in range(1000):
        groups = np.repeat(np.arange(60), 5)
        numerator = rng.gamma(2, 1.5, size=60)[groups] + rng.gamma(1, 1, size=300)  # mean 4, alike within a class
        denominator = rng.gamma(4, 2, size=300)  # mean 8
        intervals.append(ratio_interval(numerator, denominator, groups))
    assert 0.92 < covered(intervals, 0.5) < 0.97


def test_ratio_interval_of_rows_that_belong_together_is_wider():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 50)
    numerator = rng.normal(size=20)[groups] + 3
    narrow = ratio_interval(numerator, np.ones(1000))
    wide = ratio_interval(numerator, np.ones(1000), groups)
    # within a class all rows are equal: sqrt(50) less is known, and t of 19 degrees of freedom stands for that of 999
    fewer = (2.093024 / 1.962341) * np.sqrt((20 / 19) / (1000 / 999))
    assert (wide[1] - wide[0]) / (narrow[1] - narrow[0]) == pytest.approx(np.sqrt(50) * fewer, rel=1e-3)


def few_shot_of_drawn_classes(rng, seed):
    """Codes whose classes differ much in how hard they are; episodes over 24 classes drawn afresh."""
    spread = rng.gamma(2, 0.5, size=24)
    centres = rng.normal(size=(24, 8)) * 0.9
    y = np.repeat(np.arange(24), 20)
    codes = centres[y] + rng.normal(size=(480, 8)) * spread[y, None]
    table = draw_episodes(y, ways=5, shots=1, queries=5, episodes=300, seed=seed)
    return few_shot_accuracy(codes, table), table.classes


def test_the_class_interval_speaks_of_new_classes_where_the_episode_interval_does_not():
    rng = np.random.default_rng(0)
    runs = [few_shot_of_drawn_classes(rng, seed) for seed in range(300)]
    truth = np.mean([accuracies.mean() for accuracies, _ in runs])  # 7,200 classes: known to a fifth of a half-width
    over_classes = [class_bootstrap_interval(a, classes, seed=0) for a, classes in runs]
    over_episodes = [normal_interval(a) for a, _ in runs]
    assert 0.90 < covered(over_classes, truth) < 0.98
    assert covered(over_episodes, truth) < 0.80


def test_classes_that_are_all_alike_add_nothing():
    rng = np.random.default_rng(0)
    accuracies = rng.binomial(75, 0.6, size=4000) / 75
    classes = np.array([rng.permutation(30)[:5] for _ in range(4000)])
    low, high = class_bootstrap_interval(accuracies, classes, seed=0)
    narrow, wide = normal_interval(accuracies)
    assert (high - low) < 2.5 * (wide - narrow)


def test_too_few_classes_to_speak_of_new_ones_give_no_interval():
    classes = np.array([np.random.default_rng(e).permutation(9)[:5] for e in range(50)])
    assert class_bootstrap_interval(np.linspace(0, 1, 50), classes, seed=0) is None


def test_ratio_interval_of_two_groups_that_disagree_ends_where_a_share_does():
    right = np.array([1.0, 1.0, 0.0, 0.0])
    assert ratio_interval(right, np.ones(4), np.array([0, 0, 1, 1]), most=1) == (0.0, 1.0)
    low, high = ratio_interval(right, np.ones(4), np.array([0, 0, 1, 1])) or (None, None)
    assert low == 0.0 and high is not None and high > 1
