"""The flow against its Jacobian, and the loss against the density it stands for."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from unbraid_iin.flow import Flow
from unbraid_iin.losses import pair_loss


@pytest.fixture
def flow():
    torch.manual_seed(0)
    flow = Flow(5, repeats=4, hidden=8, depth=1)
    flow.start_from(torch.randn(100, 5) * torch.tensor([0.1, 1, 5, 20, 1]) + 3)
    return flow.double()


def test_volumes_are_those_of_the_jacobian(flow):
    for x in torch.randn(4, 1, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1)):
        jacobian = torch.autograd.functional.jacobian(lambda x: flow(x)[0], x).reshape(5, 5)
        assert flow(x)[1].item() == pytest.approx(float(torch.linalg.slogdet(jacobian)[1]), abs=1e-9)


def test_volumes_of_maps_are_sums_over_positions(flow):
    maps = torch.randn(3, 2, 4, 5, dtype=torch.float64)
    y, volume = flow(maps)
    rows, volumes = flow(maps.flatten(0, 2))
    torch.testing.assert_close(y.flatten(0, 2), rows)
    torch.testing.assert_close(volume, volumes.view(3, 8).sum(1))


def test_the_inverse_is_the_inverse(flow):
    x = 10 * torch.randn(50, 5, dtype=torch.float64)
    torch.testing.assert_close(flow.inverse(flow(x)[0]), x, atol=1e-9, rtol=0)


def test_every_normalisation_starts_from_the_data():
    torch.manual_seed(0)
    flow, x = Flow(6, repeats=3, hidden=8, depth=0), 7 + 3 * torch.randn(200, 6)
    x[:, 2] = 1.5  # never changes, and stays finite
    flow.start_from(x)
    normalised = flow.layers[0](x)[0]
    torch.testing.assert_close(normalised.mean(0), torch.zeros(6), atol=1e-4, rtol=0)
    assert normalised.std(0, correction=0).tolist() == pytest.approx([1, 1, 0, 1, 1, 1], abs=1e-4)
    assert flow(x)[0].isfinite().all()


def test_the_loss_is_the_likelihood_of_correlated_gaussians():
    """Up to its constant: block `shared` of the two is a Gaussian of correlation r, all else is independent."""
    generator = torch.Generator().manual_seed(0)
    r, a, b = 0.9, torch.randn(7, 3, generator=generator), torch.randn(7, 3, generator=generator)
    volumes = torch.randn(2, 7, generator=generator)
    codes = [{"residual": code[:, :1], "shared": code[:, 1:]} for code in (a, b)]
    found = pair_loss((codes[0], volumes[0]), (codes[1], volumes[1]), "shared", r)
    covariance = torch.eye(6)
    covariance[[1, 2, 4, 5], [4, 5, 1, 2]] = r
    density = MultivariateNormal(torch.zeros(6), covariance).log_prob(torch.cat([a, b], 1))
    constant = 3 * math.log(2 * math.pi) + math.log(1 - r**2)  # of six numbers, and of two that correlate
    assert float(found) == pytest.approx(float(-(density + volumes.sum(0)).mean() - constant) / 6, abs=1e-5)
