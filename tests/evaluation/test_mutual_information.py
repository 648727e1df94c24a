"""The fresh critic on Gaussians, whose mutual information is known."""

import math

import numpy as np
import pytest
import torch

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation import Evidence, Population
from unbraid.core.evaluation.canonical import canonical
from unbraid.core.evaluation.formatting import format_figure
from unbraid.core.evaluation.mutual_information import CriticSettings, mutual_information
from unbraid.plugins.metrics.mutual_information import MutualInformationConfig
from unbraid.plugins.metrics.mutual_information import mutual_information as metric

QUICK = CriticSettings(steps=300)


def gaussians(n, d, rho, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, d))
    return a, rho * a + math.sqrt(1 - rho**2) * rng.normal(size=(n, d)), -d / 2 * math.log(1 - rho**2)


#: 0.29, 1.66, 1.68, 3.37, 5.11, 5.75, 6.22 and 7.07 nats.
KNOWN = [(2, 0.5), (2, 0.9), (5, 0.7), (10, 0.7), (10, 0.8), (40, 0.5), (2, 0.999), (10, 0.87)]


@pytest.mark.slow
@pytest.mark.parametrize(("d", "rho"), KNOWN)
def test_the_bound_is_within_a_tenth_of_the_closed_form(d, rho):
    a, b, truth = gaussians(20_000, d, rho)
    found = mutual_information(a, b, seed=0, settings=CriticSettings(steps=500))
    assert truth < found.trusted == pytest.approx(math.log(2048))
    assert found.nats == pytest.approx(truth, rel=0.1)
    assert not found.at_least


@pytest.mark.parametrize(("n", "d", "rho"), [(4000, 10, 0.97), (1000, 10, 0.9)])
def test_more_than_its_samples_can_tell_is_at_least_what_they_can(n, d, rho):
    a, b, truth = gaussians(n, d, rho)
    found = mutual_information(a, b, seed=0, settings=QUICK)
    assert found.at_least
    assert found.told == found.trusted == math.log(found.samples[1]) < truth


def test_a_rotation_hides_no_information_from_the_critic():
    """Correlated in two of forty directions, none of them a coordinate: all squares and products are of mixtures."""
    rng = np.random.default_rng(1)
    first, second, truth = gaussians(4000, 2, 0.95)
    turn = lambda code: np.hstack([code, rng.normal(size=(4000, 18))]) @ np.linalg.qr(rng.normal(size=(20, 20)))[0]
    assert mutual_information(turn(first), turn(second), seed=0, settings=QUICK).nats == pytest.approx(truth, rel=0.1)


def test_canonical_correlations_are_those_of_scikit_learn():
    from sklearn.cross_decomposition import CCA

    rng = np.random.default_rng(0)
    a = rng.normal(size=(3000, 4))
    b = np.hstack([a[:, :2] @ rng.normal(size=(2, 2)) + rng.normal(size=(3000, 2)), rng.normal(size=(3000, 1))])
    scaled = [torch.from_numpy((x - x.mean(0)) / x.std(0)) for x in (a, b)]
    rows = torch.arange(3000)
    found = canonical(*scaled, fit=rows, held_out=rows)
    pairs = CCA(3, max_iter=5000).fit_transform(a, b)
    wanted = [np.corrcoef(pairs[0][:, i], pairs[1][:, i])[0, 1] for i in range(3)]
    np.testing.assert_allclose(found.correlations.numpy(), wanted, atol=5e-3)  # shrunk by 4 / 3000


def test_the_bound_orders_dependence_and_finds_none_where_there_is_none():
    truths, found = zip(
        *(
            (truth, mutual_information(a, b, seed=0, settings=QUICK).nats)
            for a, b, truth in (gaussians(4000, 2, rho) for rho in (0.0, 0.5, 0.9))
        ),
        strict=True,
    )
    assert found[0] < 0.03
    # sampling error of 800 test pairs: the deviation of log p(a, b) / p(a) p(b) is rho sqrt(d)
    for rho, truth, value in zip((0.5, 0.9), truths[1:], found[1:], strict=True):
        assert value == pytest.approx(truth, abs=0.1 * truth + 3 * rho * math.sqrt(2 / 800))


def test_what_is_not_linear_is_seen():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(4000, 1))
    b = np.cos(2 * a) + 0.1 * rng.normal(size=a.shape)
    assert abs(np.corrcoef(a[:, 0], b[:, 0])[0, 1]) < 0.05
    assert mutual_information(a, b, seed=0, settings=QUICK).nats > 0.3


def test_few_wide_samples_are_learned_by_heart_and_not_mistaken_for_information():
    rng = np.random.default_rng(0)
    found = mutual_information(*rng.normal(size=(2, 150, 40)), seed=0, settings=QUICK)
    assert found.train_nats > 1
    assert found.nats < 0.1


def test_the_estimate_depends_on_its_seed_alone():
    a, b, _ = gaussians(400, 2, 0.8)
    torch.manual_seed(1)
    first = mutual_information(a, b, seed=0, settings=QUICK)
    state = torch.get_rng_state()
    assert mutual_information(a, b, seed=0, settings=QUICK) == first
    assert torch.equal(state, torch.get_rng_state())
    assert mutual_information(a, b, seed=1, settings=QUICK) != first
    # units do not matter
    scaled = mutual_information(a * 1e3 + 7, b, seed=0, settings=QUICK).nats
    assert scaled == pytest.approx(first.nats, abs=0.03)
    with pytest.raises(ProtocolError):
        mutual_information(a[:9], b[:9], seed=0)


def evidence(**factors):
    first = next(iter(factors.values()))
    population = Population(
        name="train", rows=np.arange(len(first)), z=first, labels={}, factors=factors, random_factors=factors
    )
    return Evidence(populations={"train": population}, roles=dict(zip(factors, ("content", "style"), strict=False)))


def test_the_metric_finds_planted_information_and_none_in_shuffled_pairs():
    a, b, truth = gaussians(3000, 2, 0.9)
    config = MutualInformationConfig(steps=300)
    (figure,) = metric(evidence(what=a, how=b), config)
    assert figure.name == "mutual_information/what/how"
    assert figure.value == pytest.approx(truth, rel=0.2)
    assert figure.baselines["shuffled pairs"] < 0.1
    assert figure.baselines["random head"] == figure.value
    with pytest.raises(ProtocolError):
        metric(evidence(what=a), config)


def test_the_metric_says_at_least_where_samples_cannot_tell_more():
    a, b, truth = gaussians(1000, 10, 0.97)
    (figure,) = metric(evidence(what=a, how=b), MutualInformationConfig(steps=100))
    assert figure.at_least and figure.value == pytest.approx(math.log(200)) and figure.value < truth
    assert "at least" in figure.protocol["reads"] and format_figure(figure).startswith(">= 5.298")
