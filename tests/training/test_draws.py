"""Draws against what they promise: uniform, different, and a function of (seed, stream, step) alone."""

import itertools
import math

import pytest
import torch
from scipy.stats import chi2

from unbraid.core.interfaces import Draws

#: Of a chi-square test on a fixed seed; one that is too strict would test the seed.
IMPLAUSIBLE = 1e-6


def p_value(counts: torch.Tensor) -> float:
    """Of the hypothesis that all cells are equally likely."""
    expected = counts.sum() / counts.numel()
    statistic = ((counts - expected).square() / expected).sum()
    return float(chi2.sf(float(statistic), counts.numel() - 1))


@pytest.mark.parametrize(("high", "k"), [(2, 2), (5, 2), (9, 2), (4, 3), (5, 3), (4, 4)])
def test_distinct_is_uniform_on_all_ordered_tuples(high: int, k: int) -> None:
    tuples = list(itertools.permutations(range(high), k))
    drawn = Draws(0, "distinct", 0).distinct(torch.full((1000 * len(tuples),), high), k)
    code = drawn @ torch.tensor([high**i for i in range(k)])
    counts = torch.stack([(code == sum(v * high**i for i, v in enumerate(t))).sum() for t in tuples])
    assert counts.sum() == len(drawn), "something else than tuples of different numbers was drawn"
    assert len(tuples) == math.perm(high, k)
    assert p_value(counts.double()) > IMPLAUSIBLE


def test_the_uniformity_test_can_fail() -> None:
    """Rejecting a repeat by taking the next number is the classic mistake: pairs (a, a + 1) come twice as often."""
    first, second = torch.randint(5, (2, 20_000), generator=torch.Generator().manual_seed(0))
    second = torch.where(first == second, (second + 1) % 5, second)
    counts = torch.bincount(first * 5 + second, minlength=25)
    assert p_value(counts[counts > 0].double()) < IMPLAUSIBLE


def test_each_element_has_its_own_bound() -> None:
    high = torch.tensor([2, 3, 7, 100]).repeat(5000, 1)
    drawn = Draws(1, "bounds", 0).distinct(high, 2)
    assert drawn.shape == (5000, 4, 2)
    assert (drawn >= 0).all() and (drawn < high.unsqueeze(-1)).all()
    assert (drawn[..., 0] != drawn[..., 1]).all()
    assert drawn.amax((0, 2))[:3].tolist() == [1, 2, 6]


def test_below_reaches_every_number_equally_often() -> None:
    drawn = Draws(0, "below", 0).below(torch.full((70_000,), 7))
    assert p_value(torch.bincount(drawn, minlength=7).double()) > IMPLAUSIBLE


def test_below_never_reaches_a_large_bound() -> None:
    high = torch.full((100_000,), 2**40 + 1)
    assert int(Draws(0, "below", 1).below(high).max()) < 2**40 + 1


def test_a_permutation_holds_everything_once() -> None:
    assert sorted(Draws(0, "p", 0).permutation(50).tolist()) == list(range(50))


def test_draws_depend_on_seed_stream_and_step_alone() -> None:
    first = Draws(3, "train", 7).normal(100)
    torch.manual_seed(99)
    Draws(3, "validation", 7).normal(1000)
    assert torch.equal(Draws(3, "train", 7).normal(100), first)
    for other in (Draws(4, "train", 7), Draws(3, "trains", 7), Draws(3, "train", 8), Draws(37, "train", 0)):
        assert not torch.equal(other.normal(100), first)
