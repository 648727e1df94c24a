import numpy as np
import pytest
import torch
from torch import nn

from unbraid.core.errors import CapabilityError, ConfigError
from unbraid.core.interfaces import LatentSpec
from unbraid.core.latents import Latents
from unbraid.core.nn import MLP, LatentView, PerPosition, Standardise, recalibrate_batch_norm


def made(shape=(6, 2, 3), n=40, log_variance=None):
    mean = torch.randn(n, *shape, generator=torch.Generator().manual_seed(0)) * 3 + 1
    labels = {"content": torch.zeros(n, dtype=torch.long)}
    return Latents(mean=mean, log_variance=log_variance, labels=labels, spec=LatentSpec(shape), classes={"content": 1})


@pytest.mark.parametrize(
    ("shape", "how"),
    [
        ((5000,), "flattened"),
        ((4, 32, 32), "flattened"),  # 4096 numbers
        ((4, 33, 32), "positions"),
        ((4, 64, 64), "positions"),
        ((32, 16, 16), "positions"),
        ((2048, 7, 7), "pooled"),
        ((768, 16, 16), "pooled"),
        ((256, 16, 16), "pooled"),
    ],
)
def test_auto_goes_by_the_shape(shape, how):
    assert LatentView(LatentSpec(shape)).how == how


def test_vectors_are_seen_as_they_are():
    z = torch.randn(3, 7)
    for how in ("auto", "flattened", "pooled", "positions"):
        view = LatentView(LatentSpec((7,)), how)
        assert torch.equal(view.see(z), z) and torch.equal(view.lay(z), z)
        assert view.rest == () and view.factor("a", 5, "content").shape == (5,)


def test_an_unknown_view_and_a_vector_too_wide():
    with pytest.raises(ConfigError, match="positions"):
        LatentView(LatentSpec((4, 2, 2)), "sideways")
    with pytest.raises(CapabilityError, match="mine flattens"):
        LatentView(LatentSpec((4097,))).require_narrow("mine")
    LatentView(LatentSpec((64, 65, 65))).require_narrow("mine")


@pytest.mark.parametrize("how", ["flattened", "positions"])
def test_what_is_seen_whole_comes_back(how):
    view, z = LatentView(LatentSpec((6, 2, 3)), how), made().mean
    assert torch.equal(view.lay(view.see(z)), z)


def test_what_pooling_leaves_aside_gives_the_map_back():
    view, z = LatentView(LatentSpec((6, 2, 3)), "pooled"), made().mean
    rebuilt = view.lay(view.see(z) * 0.3 - 1)  # networks that lose much
    aside = view.split(z, rebuilt)
    assert torch.allclose(view.join(rebuilt, aside), z, atol=1e-6)
    perfect = view.split(z, view.lay(view.see(z)))["rest"]
    assert torch.allclose(perfect.mean((2, 3)), torch.zeros(40, 6), atol=1e-6)


def test_networks_by_position_are_convolutions_of_one_by_one():
    rows = MLP((6, 9, 4))
    expected = nn.Sequential(nn.Conv2d(6, 9, 1), nn.BatchNorm2d(9), nn.LeakyReLU(0.01), nn.Conv2d(9, 4, 1))
    for linear, convolution in ((rows.linear1, expected[0]), (rows.linear2, expected[3])):
        convolution.weight.data = linear.weight.data[:, :, None, None].clone()
        convolution.bias.data = linear.bias.data.clone()
    network, z = PerPosition(rows, 2, 3), made().mean
    for training in (True, False):  # batch statistics, then the running ones that the first pass left
        network.train(training)
        expected.train(training)
        assert torch.allclose(network(z), expected(z), atol=1e-6)


def test_batch_norm_by_position_is_recalibrated_over_all_positions():
    network, z = PerPosition(MLP((6, 9, 4)), 2, 3), made().mean
    recalibrate_batch_norm(network, lambda: (network(part) for part in z.split(7)))
    rows = network.network.linear1(z.permute(0, 2, 3, 1).reshape(-1, 6))
    assert torch.allclose(network.network.norm1.running_mean, rows.mean(0), atol=1e-5)
    assert torch.allclose(network.network.norm1.running_var, rows.var(0, correction=0), atol=1e-4)


def test_pooled_maps_are_standardised_by_the_statistics_of_the_averages():
    latents = made()
    view = LatentView(latents.spec, "pooled")
    layer = Standardise(view.statistics)
    layer.fit(view.of(latents.subset(torch.arange(30))))
    seen = view.see(layer(latents.mean[:30])).numpy()
    averages = latents.mean[:30].numpy().mean((2, 3))
    assert np.allclose(seen, (averages - averages.mean(0)) / averages.std(0), atol=1e-5)
    assert torch.allclose(layer.inverse(layer(latents.mean)), latents.mean, atol=1e-5)


def test_averages_of_samples_vary_less_than_samples():
    """Against the variance of drawn samples."""
    log_variance = torch.linspace(-2, 2, 40 * 6 * 6).view(40, 6, 2, 3)
    latents = made(log_variance=log_variance).with_mode("sample")
    rows = torch.arange(5, 25)
    variance = LatentView(latents.spec, "pooled").of(latents.subset(rows)).moments()[1].flatten()
    noise = torch.randn(4000, 20, 6, 2, 3, generator=torch.Generator().manual_seed(1))
    drawn = (latents.mean[rows] + (0.5 * log_variance[rows]).exp() * noise).mean((3, 4))
    assert torch.allclose(drawn.flatten(0, 1).var(0).double(), variance, rtol=0.03)
