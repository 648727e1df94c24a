import math

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from unbraid.core.interfaces import Posterior
from unbraid.plugins.jade.matching import class_moments, gaussian_divergence, matched_divergence, moment_divergence


def posterior(rows, width=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    return Posterior(torch.randn(rows, width, generator=g), torch.randn(rows, width, generator=g))


def normal(p, row):
    return Independent(Normal(p.mean[row], (0.5 * p.log_variance[row]).exp()), 1)


def test_divergence_of_gaussians():
    first, second = posterior(5), posterior(5, seed=1)
    expected = torch.stack([kl_divergence(normal(first, i), normal(second, i)) for i in range(5)])
    torch.testing.assert_close(gaussian_divergence(first, second), expected)
    assert not gaussian_divergence(first, first).any()


def test_matching_against_plain_loops():
    first, second = posterior(6), posterior(5, seed=1)
    a, b = torch.tensor([0, 0, 1, 2, -1, 3]), torch.tensor([0, 1, 1, -1, 2])
    per_row = []
    for i in range(6):
        partners = [j for j in range(5) if a[i] >= 0 and a[i] == b[j]]
        if partners:
            per_row.append(sum(kl_divergence(normal(first, i), normal(second, j)) for j in partners) / len(partners))
    assert len(per_row) == 4  # class 3 has no partner, and a missing label is no class
    torch.testing.assert_close(matched_divergence(first, a, second, b), torch.stack(per_row).mean())


def test_matching_is_what_random_partners_give_on_average():
    first, second = posterior(40), posterior(40, seed=1)
    g = torch.Generator().manual_seed(2)
    a, b = torch.randint(3, (40,), generator=g), torch.randint(3, (40,), generator=g)
    drawn = []
    for _ in range(2000):
        weights = (a.unsqueeze(1) == b).float()
        partner = torch.multinomial(weights, 1, generator=g).squeeze(1)
        drawn.append(gaussian_divergence(first, Posterior(second.mean[partner], second.log_variance[partner])).mean())
    drawn = torch.stack(drawn)
    assert (drawn.mean() - matched_divergence(first, a, second, b)).abs() < 4 * drawn.std() / math.sqrt(2000)


def test_moments_of_a_class_are_those_of_its_mixture():
    p, label = posterior(3), torch.tensor([1, 1, -1])
    moments, count = class_moments(p, label, 3)
    assert count.tolist() == [0, 2, 0]
    draws = torch.stack([normal(p, row).sample((200_000,)) for row in range(2)]).flatten(0, 1)
    torch.testing.assert_close(moments.mean[1], draws.mean(0), atol=0.02, rtol=0)
    torch.testing.assert_close(moments.log_variance[1].exp(), draws.var(0), atol=0, rtol=0.02)
    assert not moments.mean[0].any() and not moments.log_variance[0].any()


def test_moment_divergence_counts_classes_in_both_domains():
    first, second = posterior(4), posterior(4, seed=1)
    a, b = torch.tensor([0, 0, 1, 2]), torch.tensor([0, 2, 2, -1])
    (one, _), (other, _) = class_moments(first, a, 4), class_moments(second, b, 4)
    expected = sum(kl_divergence(normal(one, c), normal(other, c)) for c in (0, 2)) / 2
    torch.testing.assert_close(moment_divergence(first, a, second, b, 4), expected)


@pytest.mark.parametrize("divergence", ["rows", "moments"])
def test_no_common_class_is_no_divergence_and_no_nan(divergence):
    first, second = posterior(2), posterior(2, seed=1)
    first.mean.requires_grad_()
    labels = torch.tensor([0, -1]), torch.tensor([1, -1])
    if divergence == "rows":
        found = matched_divergence(first, labels[0], second, labels[1])
    else:
        found = moment_divergence(first, labels[0], second, labels[1], 2)
    found.backward()
    assert found.item() == 0 and not first.mean.grad.any()
