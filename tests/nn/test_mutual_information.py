import math

import pytest
import torch
from torch import nn

from unbraid.core.errors import ConfigError
from unbraid.core.nn import BiasCorrectedBound, donsker_varadhan, log_mean_exp


def log_ratio(x, y, rho):
    """log p(x, y) - log p(x) p(y) of a standard bivariate Gaussian: the critic that makes the bound tight."""
    return -0.5 * math.log(1 - rho**2) - (rho**2 * (x**2 + y**2) - 2 * rho * x * y) / (2 * (1 - rho**2))


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
def test_bound_with_the_exact_log_ratio_is_the_mutual_information(rho):
    n = 400_000
    g = torch.Generator().manual_seed(0)
    x, noise, other = torch.randn(3, n, generator=g, dtype=torch.float64)
    y = rho * x + math.sqrt(1 - rho**2) * noise
    joint, marginal = log_ratio(x, y, rho), log_ratio(x, other, rho)
    exact = -0.5 * math.log(1 - rho**2)
    # four standard errors of the two sample means
    ratio = marginal.exp()
    error = 4 * (joint.std() + ratio.std() / ratio.mean()) / math.sqrt(n)
    assert abs(donsker_varadhan(joint, marginal) - exact) <= error
    # any other critic stays below
    assert donsker_varadhan(0.5 * joint, 0.5 * marginal) <= exact + error


def test_a_trained_critic_recovers_the_closed_form_from_below():
    rho, n = 0.8, 4_000
    exact = -0.5 * math.log(1 - rho**2)
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(2, 32), nn.ELU(), nn.Linear(32, 32), nn.ELU(), nn.Linear(32, 1))
    optimiser = torch.optim.Adam(critic.parameters(), lr=5e-3)

    def bound(rows):
        x, noise, other = torch.randn(3, rows)
        y = rho * x + math.sqrt(1 - rho**2) * noise
        return donsker_varadhan(critic(torch.stack([x, y], 1)), critic(torch.stack([x, other], 1)))

    for _ in range(300):
        optimiser.zero_grad()
        (-bound(n)).backward()
        optimiser.step()
    with torch.no_grad():
        value = torch.stack([bound(50_000) for _ in range(4)]).mean()
    assert 0.85 * exact <= value <= 1.05 * exact


def test_no_overflow_for_large_critic_values():
    assert donsker_varadhan(torch.full((3,), 500.0), torch.full((5,), 400.0)).item() == pytest.approx(100.0)
    assert log_mean_exp(torch.tensor([-1000.0, -1000.0])).item() == pytest.approx(-1000.0)


def test_bias_correction_keeps_the_value_and_divides_the_gradient_by_the_moving_average():
    rate = 0.25
    bound = BiasCorrectedBound(rate)
    g = torch.Generator().manual_seed(1)
    average = None
    for _ in range(4):
        joint, marginal = torch.randn(2, 64, generator=g, dtype=torch.float64).unbind()
        marginal = marginal.requires_grad_()
        batch = marginal.detach().exp().mean()
        average = batch if average is None else (1 - rate) * average + rate * batch
        value = bound.double()(joint, marginal)
        assert value.item() == pytest.approx(donsker_varadhan(joint, marginal).item(), abs=1e-12)
        (gradient,) = torch.autograd.grad(value, marginal)
        torch.testing.assert_close(gradient, -marginal.detach().exp() / (64 * average))


def test_bias_correction_in_evaluation_leaves_the_average_alone():
    bound = BiasCorrectedBound(0.5)
    bound(torch.zeros(3), torch.ones(3))
    before = bound.log_average.clone()
    bound.eval()(torch.zeros(3), torch.full((3,), 9.0))
    assert torch.equal(bound.log_average, before) and before.item() == pytest.approx(1.0)


@pytest.mark.parametrize("rate", [0.0, 1.0, -1])
def test_bias_correction_refuses_a_rate_that_is_no_share(rate):
    with pytest.raises(ConfigError, match="moving average"):
        BiasCorrectedBound(rate)
