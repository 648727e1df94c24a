"""The metric against all pairs one by one, a variance components model, and its contract."""

import dataclasses
import itertools

import numpy as np
import pytest
from unbraid import ProtocolError
from unbraid.testing import parametrize_with_checks, toy_evidence

from unbraid_pair_correlation.correlation import class_correlations
from unbraid_pair_correlation.metric import pair_correlation


@parametrize_with_checks("pair_correlation", kind="metric")
def test_contract(check):
    check()


def test_it_is_the_mean_over_all_pairs():
    rng = np.random.default_rng(0)
    codes, labels = rng.normal(size=(40, 3)), rng.integers(-1, 5, 40)
    labels[labels == 4] = [4, *[-1] * (int((labels == 4).sum()) - 1)]  # a class of one sample
    kept = codes[(labels >= 0) & (labels != 4)]
    unit = (codes - kept.mean(0)) / kept.std(0)
    expected = [
        np.mean([unit[i] * unit[j] for i, j in itertools.permutations(np.flatnonzero(labels == label), 2)])
        for label in range(4)
    ]
    np.testing.assert_allclose(class_correlations(codes, labels), expected, atol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_it_is_the_share_of_variance_between_classes(share):
    """x = sqrt(s) class + sqrt(1 - s) sample: two samples of a class have correlation s."""
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(500), 6)
    codes = np.sqrt(share) * rng.normal(size=(500, 20))[labels] + np.sqrt(1 - share) * rng.normal(size=(3000, 20))
    assert class_correlations(codes, labels).mean() == pytest.approx(share, abs=0.01)


def test_what_cannot_be_measured_says_why():
    with pytest.raises(ProtocolError, match="two classes of two samples"):
        class_correlations(np.eye(4), np.arange(4))
    with pytest.raises(ProtocolError, match="never changes"):
        class_correlations(np.ones((4, 2)), np.array([0, 0, 1, 1]))
    evidence = toy_evidence()
    bare = {
        name: dataclasses.replace(each, labels={"content": each.labels["content"]})
        for name, each in evidence.populations.items()
    }
    figures = pair_correlation(dataclasses.replace(evidence, populations=bare))
    reasons = {figure.name.split("/")[2]: figure.not_applicable for figure in figures}
    assert reasons["content"] is None and "style" in (reasons["style"] or "")


def test_factors_are_measured_by_both_labels_and_told_which_is_wanted():
    found = pair_correlation(toy_evidence())
    figures = {figure.name: figure for figure in found if figure.value is not None}
    names = {tuple(name.split("/")[1:3]) for name in figures}
    assert names == {("what", "content"), ("what", "style"), ("how", "content"), ("how", "style")}
    for name, figure in figures.items():
        _, factor, label, _ = name.split("/")
        assert figure.higher_is_better == ((factor == "what") == (label == "content"))
        assert set(figure.baselines) == {"raw latents", "random head"}
