"""The networks of the papers on pixels: layers as in the tables, a batch by heart, bundles, and what they refuse."""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
import zoo_data
import zoo_layers
from torch import nn
from torch.nn import functional as F
from zoo_layers import count

import unbraid
from unbraid.core.catalogue import method_config
from unbraid.core.errors import CapabilityError
from unbraid.core.interfaces import LatentSpec
from unbraid.core.latents import Latents, encode_dataset
from unbraid.core.training import ObjectiveRunner
from unbraid.plugins.dr_gan.model import DRGAN
from unbraid.plugins.jade.model import JADE
from unbraid.plugins.matching.model import Matching
from unbraid.plugins.nvae.model import NVAE
from unbraid.plugins.prototype.model import Prototype

FEW_SHOT = ["matching", "prototype"]
BUILD = {"dr_gan": DRGAN, "jade": JADE, "matching": Matching, "nvae": NVAE, "prototype": Prototype}
KINDS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.BatchNorm2d, nn.MaxPool2d, nn.Upsample, nn.Sigmoid)

shapes_of = partial(zoo_layers.shapes_of, kinds=KINDS)


def latent_backbone(*shape):
    """Latents of that shape that are no pictures."""
    return unbraid.freeze(nn.Identity(), nn.Identity(), input=shape)


def descent(runner, steps):
    """The terms of each step on one batch with one draw of noise."""
    found = []
    for _ in range(steps):
        terms = runner.losses(0, "one", 0)
        found.append({name: float(term.value.detach()) for name, term in terms.items()})
        runner.backward(terms)
        runner.optimiser.step()
    return found


def by_heart(head, latents, steps):
    """The same of the only objective of a head."""
    head.train().prepare(latents)
    (objective,) = head.objectives({})
    return descent(ObjectiveRunner(objective, latents, torch.device("cpu")), steps)


@pytest.fixture(scope="module")
def glyphs():
    return unbraid.load_dataset("glyphs")


@pytest.fixture(scope="module")
def pixels():
    return unbraid.load_backbone("pixels")


@pytest.fixture(scope="module")
def latents(pixels, glyphs):
    return encode_dataset(pixels, glyphs)


@pytest.fixture(scope="module")
def pictures(latents, glyphs):
    """Some training pictures as latents: 40 characters, 12 of each."""
    rows = torch.from_numpy(glyphs.training_rows())
    labels = torch.from_numpy(glyphs.labels["content"])[rows]
    kept = torch.cat([rows[labels == each][:12] for each in labels.unique()[:40]])
    return latents.subset(kept)


class TestFewShot:
    """Four stages of convolution 3 x 3 of 64 channels, batch norm, ReLU, max pool 2 (Vinyals et al., Snell et al.)."""

    @pytest.mark.parametrize("method", FEW_SHOT)
    @pytest.mark.parametrize(
        ("shape", "sides", "parameters"),
        [((1, 28, 28), (28, 14, 7, 3, 1), 111_936), ((3, 32, 32), (32, 16, 8, 4, 2), 113_088)],
    )
    def test_the_embedding(self, method, shape, sides, parameters):
        backbone = unbraid.load_backbone("pixels", channels=shape[0], size=shape[1])
        head = unbraid.attach(method, backbone, preset="paper").head
        assert shapes_of(head.network, torch.rand(2, *shape).flatten(1)) == [
            (kind, (64, side, side))
            for before, after in pairwise(sides)
            for kind, side in (("Conv2d", before), ("BatchNorm2d", before), ("MaxPool2d", after))
        ]
        assert count(head.network) == parameters  # 64 (9 C + 1) + 3 * 64 (9 * 64 + 1), and 2 * 64 a stage
        assert head.factors[0].shape == (64 * sides[-1] ** 2,)
        assert head.standardise.mode == "none"

    def test_episodes_are_those_of_the_papers(self, pixels, pictures):
        for method, ways in (("prototype", 40), ("matching", 20)):  # 60 ways where there are as many classes
            head = unbraid.attach(method, pixels, preset="paper").head
            head.prepare({"default": pictures})
            (objective,) = head.objectives({})
            episodes = objective.batch["episodes"]
            assert (episodes.ways, episodes.shots, episodes.queries, head.ways) == (ways, 1, 5, ways)
            assert objective.optimiser.lr == 1e-3 and objective.optimiser.name == "adam"
        assert unbraid.attach("prototype", pixels, preset="paper").head.config.ways == 60

    @pytest.mark.parametrize(("method", "settings"), [("prototype", {}), ("matching", {"temperature": 10.0})])
    def test_it_learns_a_batch_by_heart(self, method, settings, pixels, pictures):
        """With the paper's temperature of 1 even a perfect match leaves its way less than 0.65 of the attention."""
        model = unbraid.attach(method, pixels, preset="paper", ways=5, **settings)
        first, *_, last = by_heart(model.head, {"default": pictures}, 25)
        assert sum(last.values()) < 0.1 * sum(first.values())

    @pytest.mark.parametrize("method", FEW_SHOT)
    def test_batch_norm_has_the_statistics_of_the_finished_network(self, method, pixels, pictures):
        model, few = unbraid.attach(method, pixels, preset="paper"), pictures.subset(torch.arange(40))
        model.head.finish({"default": few})
        norms = [layer for layer in model.head.modules() if isinstance(layer, nn.BatchNorm2d)]
        inputs = {}
        for layer in norms:
            layer.register_forward_hook(lambda m, x, _: inputs.update({m: x[0]}))
        with torch.no_grad():
            model.head.eval().disentangle(few.z)
        assert len(norms) == 4
        for layer in norms:
            torch.testing.assert_close(layer.running_mean, inputs[layer].mean((0, 2, 3)), atol=1e-5, rtol=1e-4)
            variance = inputs[layer].var((0, 2, 3), correction=0)
            torch.testing.assert_close(layer.running_var, variance, atol=1e-5, rtol=1e-4)


class TestJADE:
    """The table of SVHN (32 x 32 in colour) and MNIST (28 x 28 in grey), and its mirrors."""

    def make(self, **settings):
        torch.manual_seed(0)
        latents = {
            "street": LatentSpec((3, 32, 32), storage="uint8"),
            "scan": LatentSpec((1, 28, 28), storage="uint8"),
        }
        return JADE(method_config("jade", "paper", settings), latents, 10)

    def test_the_encoders(self):
        head = self.make()
        street, scan = (head.domain(name).encoder for name in ("street", "scan"))
        assert shapes_of(street, torch.rand(2, 3072)) == [
            *[("Conv2d", (64, 32, 32)), ("MaxPool2d", (64, 16, 16))],
            *[("Conv2d", (96, 16, 16)), ("MaxPool2d", (96, 8, 8))],
            *[("Conv2d", (64, 8, 8)), ("MaxPool2d", (64, 4, 4))],
            *[("Conv2d", (8, 4, 4)), ("Linear", (40,))],  # mean and log-variance of 10 + 10
        ]
        assert street[-1].in_features == 128
        assert shapes_of(scan, torch.rand(2, 784)) == [
            *[("Conv2d", (32, 28, 28)), ("MaxPool2d", (32, 14, 14))],
            *[("Conv2d", (32, 14, 14)), ("MaxPool2d", (32, 7, 7))],
            *[("Conv2d", (16, 7, 7)), ("MaxPool2d", (16, 3, 3)), ("Linear", (40,))],
        ]
        assert scan[-1].in_features == 144

    def test_the_decoders_are_mirrors(self):
        head = self.make()
        street, scan = (shapes_of(head.domain(name).decoder, torch.rand(2, 20)) for name in ("street", "scan"))
        assert street == [
            *[("Linear", (128,)), ("Conv2d", (64, 4, 4))],
            *[("Upsample", (64, 8, 8)), ("Conv2d", (96, 8, 8))],
            *[("Upsample", (96, 16, 16)), ("Conv2d", (64, 16, 16))],
            *[("Upsample", (64, 32, 32)), ("Conv2d", (3, 32, 32))],
        ]
        assert scan == [
            ("Linear", (144,)),
            *[("Upsample", (16, 7, 7)), ("Conv2d", (32, 7, 7))],
            *[("Upsample", (32, 14, 14)), ("Conv2d", (32, 14, 14))],
            *[("Upsample", (32, 28, 28)), ("Conv2d", (1, 28, 28))],
        ]

    def test_the_classifier_and_its_dropout(self):
        head = self.make()
        layers = [
            layer for layer in head.domain("scan").classifier.modules() if isinstance(layer, (nn.Linear, nn.Dropout))
        ]
        widths = [layer.weight.shape for layer in layers if isinstance(layer, nn.Linear)]
        assert widths == [(500, 10), (500, 500), (500, 500), (10, 500)]
        assert [layer.p for layer in layers if isinstance(layer, nn.Dropout)] == [0.5] * 3
        assert head.domain("street").classifier is head.domain("scan").classifier

    def test_baselines_have_the_same_convolutions_and_ten_points(self):
        head = self.make(autoencode=False, match="off")
        assert head.domain("street").encoder[-1].weight.shape == (10, 128)
        assert not hasattr(head.domain("scan"), "decoder")

    def test_pictures_come_back_as_pictures(self):
        """Their likelihood is Bernoulli: a sigmoid at the end, and the cross-entropy of pixels."""
        view, x, made = self.make().domain("scan"), torch.rand(3, 784), 2 * torch.randn(3, 784)
        expected = -(x * made.sigmoid().log() + (1 - x) * (1 - made.sigmoid()).log()).sum(1)
        torch.testing.assert_close(view.misfit(x, made), expected)
        factors = view.disentangle(x.view(3, 1, 28, 28))
        assert torch.equal(view.entangle(factors).flatten(1), view.join(**factors).sigmoid())
        assert view.standardise.mode == "none"

    @pytest.mark.parametrize(("channels", "size"), [(1, (8, 8)), (1, (16, 16)), (3, (30, 37))])
    def test_any_map_comes_back_in_its_size(self, channels, size):
        latents = {name: LatentSpec((channels, *size)) for name in ("left", "right")}
        view = JADE(method_config("jade", "paper"), latents, 10).domain("left")
        z = torch.randn(3, channels, *size)
        assert view.entangle(view.disentangle(z)).shape == z.shape and not view.bernoulli

    @pytest.mark.slow
    def test_a_bundle_gives_what_a_domain_gives(self, pixels, tmp_path):
        """Maps are resized in ONNX as they are here; export compares its graphs with torch."""
        stripes = zoo_data.stripes()  # 8 x 8
        larger = {side: np.kron(stripes.images, np.ones((1, 1, side, side), np.uint8)) for side in (3, 4)}
        street = replace(stripes, images=larger[4].repeat(3, 1))
        scan = replace(stripes, images=np.pad(larger[3], ((0, 0), (0, 0), (2, 2), (2, 2))))
        backbones = {"street": unbraid.load_backbone("pixels", channels=3, size=32), "scan": pixels}
        model = unbraid.attach("jade", backbones, preset="paper")
        model.fit({"street": street, "scan": scan}, steps=0, quiet=True)
        for name, dataset in (("street", street), ("scan", scan)):
            report = model.domain(name).export(tmp_path / name, images=dataset.images[:5])
            assert {"disentangle", "entangle", "classify"} <= set(report.graphs)

    def test_it_learns_a_batch_by_heart(self, pictures):
        few = pictures.subset(torch.arange(24))
        label, grey = few.label("content") % 10, few.z
        colour = F.pad(1 - grey, (2, 2, 2, 2)).expand(-1, 3, -1, -1)
        head = self.make(rows=12, dropout=0.0)
        rows = {
            name: Latents(
                mean=z,
                log_variance=None,
                labels={"content": label},
                spec=head.domain(name).latent,
                classes={"content": 10},
            )
            for name, z in (("street", colour), ("scan", grey))
        }
        first, *_, last = by_heart(head, rows, 40)
        for name in rows:
            assert last[f"{name}_label"] < 0.5 * first[f"{name}_label"]
            assert last[f"{name}_reconstruction"] < 0.8 * first[f"{name}_reconstruction"]


class TestDRGAN:
    """The paper's table for 96 x 96 in colour: 14 convolutions 3 x 3 with batch norm and ELU, and their mirror."""

    #: Block by block; the first of a block halves the map, but that of the first block.
    CHANNELS = ((32, 64), (64, 64, 128), (128, 96, 192), (192, 128, 256), (256, 160, 320))

    def make(self, channels=3, side=96, **settings):
        torch.manual_seed(0)
        latent = LatentSpec((channels, side, side), storage="uint8")
        return DRGAN(method_config("dr_gan", "paper", settings), latent, identities=7, poses=4)

    def convolutions(self, network, width, kind="Conv2d"):
        return [shape for name, shape in shapes_of(network, torch.rand(2, width)) if name == kind]

    def test_the_table(self):
        head = self.make()
        maps = [
            (channels, side, side)
            for side, block in zip((96, 48, 24, 12, 6), self.CHANNELS, strict=True)
            for channels in block
        ]
        for network in (head.encoder, head.reader[0], head.discriminator.network[0]):
            assert self.convolutions(network, 3 * 96 * 96) == maps
            assert network(torch.rand(2, 3 * 96 * 96)).shape == (2, 320)
        mirrored = self.convolutions(head.decoder, 320 + 4 + 50, "ConvTranspose2d")
        # below a map lies what it was made of, at the size of that
        assert mirrored == [*reversed(maps[:-1]), (3, 96, 96)]
        assert head.decoder[0].weight.shape == (320 * 6 * 6, 320 + 4 + 50)
        assert head.discriminator.network[1].weight.shape == (7 + 1 + 4, 320)
        assert {layer.kernel_size for layer in head.modules() if isinstance(layer, nn.Conv2d)} == {(3, 3)}
        assert float(head.encoder[1].weight.detach().std()) == pytest.approx(0.02, rel=0.1)

    @pytest.mark.parametrize("side", [16, 28, 33])
    def test_any_picture_comes_back_in_its_size(self, side):
        head, x = self.make(1, side, identity=8).eval(), torch.rand(2, 1, side, side)
        made = head.entangle(head.disentangle(x))
        assert made.shape == x.shape and 0 <= made.min() and made.max() <= 1

    @pytest.fixture
    def small(self, pictures):
        """The middle of a few pictures, 16 x 16."""
        few = pictures.subset(torch.arange(16))
        labels = {"content": few.label("content") % 7, "style": torch.arange(16) % 4}
        middle, spec = few.z[:, :, 6:22, 6:22], LatentSpec((1, 16, 16), storage="uint8")
        return Latents(mean=middle, log_variance=None, labels=labels, spec=spec, classes={"content": 7, "style": 4})

    def test_every_player_learns(self, small):
        """One after the other, by the tenth that is asked of every method: a judge who knows a batch by heart is hard
        to deceive, and one who knows nothing says the same of all pictures."""
        head = self.make(1, 16, identity=32, rows=8, lr=2e-3).train()
        head.prepare({"default": small})
        for objective in head.objectives({}):
            first, *_, last = descent(ObjectiveRunner(objective, {"default": small}, torch.device("cpu")), 25)
            assert sum(last.values()) < 0.9 * sum(first.values()), objective.name

    def test_batch_norm_has_the_statistics_of_the_finished_networks(self, small):
        head = self.make(1, 16, identity=32)
        head.finish({"default": small})
        inputs = {}
        kept = (head.encoder, head.decoder, head.reader)
        for layer in (layer for network in kept for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)):
            layer.register_forward_hook(lambda m, x, _: inputs.update({m: x[0]}))
        with torch.no_grad():
            head.eval().entangle(head.disentangle(small.z))
        assert len(inputs) == 14 + 13 + 14
        for layer, x in inputs.items():
            torch.testing.assert_close(layer.running_mean, x.mean((0, 2, 3)), atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(layer.running_var, x.var((0, 2, 3), correction=0), atol=1e-5, rtol=1e-3)

    @pytest.mark.slow
    def test_a_bundle_gives_what_the_head_gives(self, tmp_path):
        stripes = zoo_data.stripes()
        rows = np.arange(0, len(stripes.images), 9)
        few = replace(
            stripes,
            images=np.kron(stripes.images[rows], np.ones((1, 1, 2, 2), np.uint8)),
            labels={role: label[rows] for role, label in stripes.labels.items()},
        )
        model = unbraid.attach("dr_gan", unbraid.load_backbone("pixels", size=16), preset="paper", identity=32)
        model.fit(few, steps=0, quiet=True)
        report = model.export(tmp_path / "turned", images=few.images[:5])
        assert {"disentangle", "entangle"} <= set(report.graphs)


@pytest.mark.parametrize("method", FEW_SHOT)
def test_elsewhere_the_preset_is_an_mlp(method):
    for shape in ((1, 15, 28), (4, 8, 8)):
        head = unbraid.attach(method, latent_backbone(*shape), preset="paper").head
        assert type(head.network).__name__ == "MLP" and head.standardise.mode == "dim"
    head = unbraid.attach(method, latent_backbone(4, 32, 32), preset="paper").head
    assert head.standardise.mode == "dim" and head.factors[0].shape == (256,)


class TestNVAE:
    """Two convolutions 4 x 4 of stride 2, a linear layer of 1024, three linear heads, and the mirror of it."""

    def make(self, *shape, storage="uint8", **settings):
        torch.manual_seed(0)
        return NVAE(method_config("nvae", "paper", settings), LatentSpec(shape, storage=storage), 10)

    @pytest.mark.parametrize(("colours", "side", "trunk"), [(1, 28, 6_555_840), (3, 32, 8_523_968)])
    def test_the_layers(self, colours, side, trunk):
        head = self.make(colours, side, side)
        small = side // 4
        assert shapes_of(head.trunk, torch.rand(2, colours * side * side)) == [
            ("Conv2d", (64, side // 2, side // 2)),
            ("Conv2d", (128, small, small)),
            ("Linear", (1024,)),
        ]
        assert shapes_of(head.decoder, torch.rand(2, 24)) == [
            ("Linear", (1024,)),
            ("Linear", (128 * small**2,)),
            ("ConvTranspose2d", (64, side // 2, side // 2)),
            ("ConvTranspose2d", (colours, side, side)),
        ]
        # 64 (16 C + 1) + 128 (16 * 64 + 1) + 1024 (128 side^2 / 16 + 1)
        assert count(head.trunk) == trunk
        heads = [tuple(layer.weight.shape) for layer in (head.encoder, head.classifier)]
        assert heads == [(32, 1024), (10, 1024)]
        kernels = {layer.weight.shape[2:] for layer in head.modules() if isinstance(layer, nn.Conv2d)}
        assert kernels == {(4, 4)} and head.standardise.mode == "none"

    @pytest.mark.parametrize("size", [(8, 8), (29, 30), (31, 28)])
    def test_any_map_comes_back_in_its_size(self, size):
        head = self.make(2, *size, storage="float32")
        z = torch.randn(3, 2, *size)
        assert head.entangle(head.disentangle(z)).shape == z.shape and not head.bernoulli

    def test_the_likelihood_of_pictures_is_bernoulli(self):
        head, x, made = self.make(1, 28, 28), torch.rand(3, 784), 2 * torch.randn(3, 784)
        expected = -(x * made.sigmoid().log() + (1 - x) * (1 - made.sigmoid()).log()).sum(1)
        torch.testing.assert_close(head.misfit(x, made), expected)
        factors = head.disentangle(torch.rand(2, 1, 28, 28))
        assert torch.equal(head.entangle(factors).flatten(1), head.join(*factors.values()).sigmoid())

    @pytest.mark.parametrize("missing", [0, 30])
    def test_it_learns_a_batch_by_heart(self, pictures, missing):
        """Beside a hundred nats of pixels one label is heard late, so it has weight here."""
        few = pictures.subset(torch.arange(60))
        label = few.label("content") % 10
        label[:missing] = -1
        rows = Latents(mean=few.z, log_variance=None, labels={"content": label}, spec=few.spec, classes={"content": 10})
        first, *_, last = by_heart(self.make(1, 28, 28, rows=16, class_weight=50.0), {"default": rows}, 30)
        mean = few.z.mean(0).clamp(1e-6, 1 - 1e-6).expand_as(few.z)
        cost = F.binary_cross_entropy(mean, few.z, reduction="none").flatten(1).sum(1).mean()
        assert last["reconstruction"] < 0.9 * float(cost)  # of the best picture that is the same for all
        assert last["class"] < 0.5 * first["class"]


def test_a_bundle_gives_what_the_heads_give(pixels, glyphs, latents, pictures, tmp_path):
    """Export compares every graph with torch at batches of 1, 2, 5 and 257, and refuses what differs."""
    models = {method: unbraid.attach(method, pixels, preset="paper") for method in (*FEW_SHOT, "nvae")}
    models["nvae"].fit(glyphs, latents=latents, steps=0, quiet=True)
    for method in FEW_SHOT:
        models[method].head.finish({"default": pictures.subset(torch.arange(24))})
    report = unbraid.export_bundle(models, tmp_path / "all", images=glyphs.images[:257])
    assert {f"{method}-disentangle" for method in models} <= set(report.graphs)
    bundle = unbraid.load_bundle(report.path)
    x = torch.from_numpy(glyphs.images[:1]).float() / 255
    for method, model in models.items():
        found = bundle.head(method).disentangle(x.numpy())
        for name, expected in model.disentangle(x).items():
            assert abs(found[name] - expected.numpy()).max() <= 1e-5 * max(1, float(expected.abs().max()))


@pytest.mark.parametrize(
    ("method", "size"), [("matching", 15), ("prototype", 15), ("nvae", 7), ("jade", 7), ("dr_gan", 15)]
)
def test_maps_that_are_too_small_are_refused(method, size):
    domains = ("left", "right") if method == "jade" else ("default",)
    labels = {role: unbraid.LabelSpec(role, ("a", "b")) for role in ("content", "style")}
    for shape in ((4, size, 28), (512,)):
        latents = {name: LatentSpec(shape) for name in domains}
        with pytest.raises(CapabilityError, match=f"convolutional network of {method} does not fit"):
            BUILD[method].build(method_config(method, None, {"network": "convolutional"}), latents, labels)
        head = BUILD[method].build(method_config(method, "paper"), latents, labels)
        assert not any(isinstance(layer, nn.Conv2d) for layer in head.modules())
