"""Layers as in the tables of Jha et al. 2018, and what fits where."""

from functools import partial

import pytest
import torch
import zoo_layers
from torch import nn
from zoo_layers import count

import unbraid
from unbraid.core.errors import CapabilityError, ConfigError
from unbraid.core.interfaces import LatentSpec
from unbraid.core.nn import PairDiscriminator
from unbraid.core.two_codes.config import TwoCodesConfig
from unbraid.core.two_codes.networks import build_networks

LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


#: Layers that have weights, and those that bend.
shapes_of = partial(zoo_layers.shapes_of, kinds=(*LAYERS, nn.InstanceNorm2d, nn.ReLU, nn.LeakyReLU, nn.Sigmoid))


def networks(shape, *, stochastic=True, storage="uint8", **settings):
    return build_networks(TwoCodesConfig(**settings), LatentSpec(shape, storage=storage), stochastic=stochastic)


def test_the_mnist_table():
    encoder, decoder = networks((1, 28, 28))
    codes = [("Linear", (16,))] * 3
    assert shapes_of(encoder, torch.zeros(2, 1, 28, 28)) == [
        *[(name, (16, 13, 13)) for name in ("Conv2d", "InstanceNorm2d", "ReLU")],
        *[(name, (32, 6, 6)) for name in ("Conv2d", "InstanceNorm2d", "ReLU")],
        *[(name, (64, 2, 2)) for name in ("Conv2d", "InstanceNorm2d", "ReLU")],
        *codes,
    ]
    assert shapes_of(decoder, torch.zeros(2, 16), torch.zeros(2, 16)) == [
        *[("Linear", (256,))] * 2,
        ("LeakyReLU", (512,)),
        *[(name, (32, 6, 6)) for name in ("ConvTranspose2d", "InstanceNorm2d", "LeakyReLU")],
        *[(name, (16, 14, 14)) for name in ("ConvTranspose2d", "InstanceNorm2d", "LeakyReLU")],
        ("ConvTranspose2d", (1, 28, 28)),
        ("Sigmoid", (1, 28, 28)),
    ]
    # published checkpoints hold 0.31 and 0.33 MB of float32
    assert (count(encoder), count(decoder)) == (76_848, 82_737)


def test_the_sprites_table():
    settings = {"channels": (16, 32, 64, 128), "unspecified": 512, "specified": 64}
    encoder, decoder = networks((3, 60, 60), **settings)
    convolutions = [shape for name, shape in shapes_of(encoder, torch.zeros(1, 3, 60, 60)) if name == "Conv2d"]
    assert convolutions == [(16, 29, 29), (32, 14, 14), (64, 6, 6), (128, 2, 2)]
    found = shapes_of(decoder, torch.zeros(1, 512), torch.zeros(1, 64))
    assert found[:3] == [("Linear", (512,)), ("Linear", (512,)), ("LeakyReLU", (1024,))]
    rising = [shape for name, shape in found if name == "ConvTranspose2d"]
    assert rising == [(64, 6, 6), (32, 14, 14), (16, 30, 30), (3, 60, 60)]


def test_szabos_networks_are_deterministic_and_bare():
    from unbraid.plugins.szabo.config import SzaboConfig

    encoder, decoder = build_networks(SzaboConfig(), LatentSpec((1, 28, 28), storage="uint8"), stochastic=False)
    assert encoder.log_variance is None
    slopes = [layer.negative_slope for layer in decoder.modules() if isinstance(layer, nn.LeakyReLU)]
    assert slopes == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("side", [23, 24, 27, 29, 30, 32, 48, 63, 64, 100])
def test_any_larger_map_comes_back_in_its_size(side):
    encoder, decoder = networks((3, side, side + 5))
    codes = encoder(torch.rand(2, 3, side, side + 5))
    assert decoder(codes.unspecified.mean, codes.specified).shape == (2, 3, side, side + 5)


def test_each_picture_is_normalised_by_itself():
    encoder, _ = networks((1, 28, 28))
    x = torch.rand(4, 1, 28, 28)
    assert torch.allclose(encoder.train()(x)[1][:1], encoder.eval()(x[:1])[1], atol=1e-6)
    assert not list(encoder.buffers())


@pytest.mark.parametrize(
    ("shape", "storage", "network", "kind"),
    [
        ((32,), "float32", "auto", nn.Linear),
        ((4, 8, 8), "float32", "auto", nn.Linear),
        ((4, 32, 32), "float32", "auto", nn.Conv2d),
        ((4, 32, 32), "float32", "mlp", nn.Linear),
        ((1, 28, 28), "uint8", "auto", nn.Conv2d),
    ],
)
def test_auto_takes_convolutions_where_they_fit(shape, storage, network, kind):
    encoder, decoder = networks(shape, storage=storage, network=network)
    first = next(layer for layer in encoder.modules() if isinstance(layer, LAYERS))
    assert type(first) is kind
    codes = encoder(torch.rand(2, *shape))
    assert decoder(codes.unspecified.sample(torch.zeros(2, 16)), codes.specified).shape == (2, *shape)
    assert any(isinstance(layer, nn.Sigmoid) for layer in decoder.modules()) == (storage == "uint8")


def test_what_does_not_fit_is_refused():
    with pytest.raises(CapabilityError, match="23 x 23"):
        networks((4, 22, 22), network="convolutional")
    with pytest.raises(CapabilityError, match="23 x 23"):
        networks((32,), network="convolutional", storage="float32")
    with pytest.raises(CapabilityError, match="at most 4096"):
        networks((4097,), storage="float32")


class TestPairDiscriminator:
    def test_the_table(self):
        found = shapes_of(PairDiscriminator((1, 28, 28)), torch.zeros(2, 1, 28, 28), torch.zeros(2, 1, 28, 28))
        stages = [(32, 13, 13), (64, 6, 6), (128, 2, 2)]
        kinds = ("Conv2d", "InstanceNorm2d", "LeakyReLU")
        assert found == [*[(kind, stage) for stage in stages for kind in kinds], ("Linear", (2,))]
        assert PairDiscriminator((3, 30, 30)).network[0].in_channels == 6

    def test_of_vectors_and_small_maps_it_is_fully_connected(self):
        found = shapes_of(PairDiscriminator((2, 3, 3)), torch.zeros(4, 2, 3, 3), torch.zeros(4, 2, 3, 3))
        assert [shape for name, shape in found if name == "Linear"] == [(512,), (256,), (2,)]

    def test_cross_entropies_and_accuracy_are_those_of_its_logits(self):
        judge = PairDiscriminator((5,)).double()
        real, fake = torch.randn(2, 2, 7, 5, dtype=torch.float64).unbind()
        found = judge.judge(tuple(real), tuple(fake))
        right = [torch.log_softmax(judge(*pair), 1)[:, column] for pair, column in ((real, 1), (fake, 0))]
        torch.testing.assert_close(found, -torch.cat(right).mean())
        torch.testing.assert_close(judge.accuracy, (torch.cat(right).exp() > 0.5).double().mean())
        torch.testing.assert_close(judge.deceived(*fake), -torch.log_softmax(judge(*fake), 1)[:, 1].mean())

    def test_looking_at_validation_rows_leaves_the_accuracy(self):
        judge = PairDiscriminator((5,))
        pairs = tuple(torch.randn(2, 7, 5))
        judge.judge(pairs, pairs)
        before = judge.accuracy.clone()
        judge.eval()
        judge.judge(tuple(torch.full((2, 7, 5), 9.0)), pairs)
        assert before == 0.5 and torch.equal(judge.accuracy, before)


def test_the_paper_on_pixels_is_the_paper():
    backbone = unbraid.load_backbone("pixels")
    for name in ("cycle_vae", "mathieu", "szabo"):
        model = unbraid.attach(name, backbone, preset="paper")
        first = next(layer for layer in model.head.encoder.modules() if isinstance(layer, LAYERS))
        assert isinstance(first, nn.Conv2d) and float(first.weight.detach().std()) == pytest.approx(0.05, rel=0.1)
        assert model.head.standardise.mode == "none"
        x = torch.rand(2, 1, 28, 28)
        assert model.transfer(content=x, style=x.flip(0)).shape == x.shape


class TestSlices:
    def attach(self, latent=(10,), **settings):
        from unbraid.plugins.slice.config import SliceConfig
        from unbraid.plugins.slice.model import Slice

        return Slice(SliceConfig(**settings), LatentSpec(latent))

    @pytest.mark.parametrize("latent", [(10,), (10, 3, 2)])
    @pytest.mark.parametrize(
        ("specified", "unspecified", "rest"),
        [((0, 4), (4, 10), 0), ((6, 9), (1, 4), 4), ((0, 1), (8, 9), 8), (None, None, 0)],
    )
    def test_every_number_goes_somewhere_and_comes_back(self, latent, specified, unspecified, rest):
        head = self.attach(latent, specified=specified, unspecified=unspecified)
        z = torch.randn(3, *latent)
        factors = head.disentangle(z)
        start, stop = specified or (5, 10)
        assert torch.equal(factors["specified"], z[:, start:stop])
        assert sum(f.shape[0] for f in head.factors if f.role == "rest") == rest
        assert {name: tuple(f.shape[1:]) for name, f in factors.items()} == {f.name: f.shape for f in head.factors}
        assert torch.equal(head.entangle(factors), z)
        assert torch.equal(head.entangle(dict(reversed(factors.items()))), z)

    @pytest.mark.parametrize("ranges", [{"specified": (0, 6), "unspecified": (5, 10)}, {"specified": (5, 11)}])
    def test_ranges_that_do_not_fit_are_refused(self, ranges):
        with pytest.raises(ConfigError, match="do not fit"):
            self.attach(**ranges)

    def test_an_empty_range_is_refused(self):
        with pytest.raises(ConfigError, match="specified is no range"):
            self.attach(specified=(3, 3))
