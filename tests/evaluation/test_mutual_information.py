"""The fresh critic on Gaussians, whose mutual information is known."""

import math

import numpy as np
import pytest
import torch

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation import Evidence, Population
from unbraid.core.evaluation.mutual_information import CriticSettings, mutual_information
from unbraid.plugins.metrics.mutual_information import MutualInformationConfig
from unbraid.plugins.metrics.mutual_information import mutual_information as metric

QUICK = CriticSettings(steps=300)


def gaussians(n, d, rho, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, d))
    return a, rho * a + math.sqrt(1 - rho**2) * rng.normal(size=(n, d)), -d / 2 * math.log(1 - rho**2)


@pytest.mark.slow
@pytest.mark.parametrize(("d", "rho"), [(2, 0.5), (2, 0.7), (2, 0.9), (5, 0.5), (5, 0.7), (10, 0.5), (10, 0.7)])
def test_the_bound_is_within_a_tenth_of_the_closed_form(d, rho):
    a, b, truth = gaussians(20_000, d, rho)
    assert mutual_information(a, b, seed=0).nats == pytest.approx(truth, rel=0.1)


@pytest.mark.slow
def test_of_much_information_the_bound_says_less_and_never_more():
    a, b, truth = gaussians(20_000, 10, 0.9)
    found = mutual_information(a, b, seed=0).nats
    assert 0.6 * truth < found < 1.1 * truth


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
