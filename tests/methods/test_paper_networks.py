"""The networks of the papers on pixels: layers as in the tables, a batch by heart, bundles, and what they refuse."""

from itertools import pairwise

import pytest
import torch
from torch import nn

import unbraid
from unbraid.core.errors import CapabilityError
from unbraid.core.latents import encode_dataset
from unbraid.core.training import ObjectiveRunner

FEW_SHOT = ["matching", "prototype"]
KINDS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.BatchNorm2d, nn.MaxPool2d, nn.Upsample, nn.Sigmoid)


def shapes_of(network, *inputs):
    """Kind and output shape of every layer, in the order in which they run."""
    found = []
    hooks = [
        layer.register_forward_hook(lambda m, _, out: found.append((type(m).__name__, tuple(out.shape[1:]))))
        for layer in network.modules()
        if isinstance(layer, KINDS)
    ]
    network(*inputs)
    for hook in hooks:
        hook.remove()
    return found


def count(network):
    return sum(p.numel() for p in network.parameters())


def latent_backbone(*shape):
    """Latents of that shape that are no pictures."""
    return unbraid.freeze(nn.Identity(), nn.Identity(), input=shape)


def losses_by_heart(model, latents, steps):
    """The total of each step on one batch with one draw of noise."""
    head = model.head.train()
    head.prepare({"default": latents})
    (objective,) = head.objectives(model.backbones)
    runner = ObjectiveRunner(objective, {"default": latents}, torch.device("cpu"))
    found = []
    for _ in range(steps):
        terms = runner.losses(0, "one", 0)
        found.append(sum(float(term.value.detach()) * term.weight for term in terms.values()))
        runner.backward(terms)
        runner.optimiser.step()
    return found


@pytest.fixture(scope="module")
def glyphs():
    return unbraid.load_dataset("glyphs")


@pytest.fixture(scope="module")
def pixels():
    return unbraid.load_backbone("pixels")


@pytest.fixture(scope="module")
def pictures(pixels, glyphs):
    """Some training pictures as latents: 40 characters, 12 of each."""
    rows = torch.from_numpy(glyphs.training_rows())
    labels = torch.from_numpy(glyphs.labels["content"])[rows]
    kept = torch.cat([rows[labels == each][:12] for each in labels.unique()[:40]])
    return encode_dataset(pixels, glyphs).subset(kept)


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
        losses = losses_by_heart(model, pictures, 25)
        assert losses[-1] < 0.1 * losses[0]

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

    def test_bundles_give_what_the_heads_give(self, pixels, glyphs, pictures, tmp_path):
        """Export compares every graph with torch at batches of 1, 2, 5 and 257, and refuses what differs."""
        models = {method: unbraid.attach(method, pixels, preset="paper") for method in FEW_SHOT}
        for model in models.values():
            model.head.finish({"default": pictures.subset(torch.arange(40))})
        report = unbraid.export_bundle(models, tmp_path / "both", images=glyphs.images[:257])
        assert {f"{method}-disentangle" for method in FEW_SHOT} <= set(report.graphs)
        bundle = unbraid.load_bundle(report.path)
        x = torch.from_numpy(glyphs.images[:1]).float() / 255
        for method, model in models.items():
            expected = model.disentangle(x)["embedding"].numpy()
            found = bundle.head(method).disentangle(x.numpy())["embedding"]
            assert abs(found - expected).max() <= 1e-5 * max(1, abs(expected).max())


@pytest.mark.parametrize("method", FEW_SHOT)
def test_elsewhere_the_preset_is_an_mlp(method):
    for shape in ((1, 15, 28), (4, 8, 8)):
        head = unbraid.attach(method, latent_backbone(*shape), preset="paper").head
        assert type(head.network).__name__ == "MLP" and head.standardise.mode == "dim"
        with pytest.raises(CapabilityError, match="convolutional network of"):
            unbraid.attach(method, latent_backbone(*shape), network="convolutional")
    head = unbraid.attach(method, latent_backbone(4, 32, 32), preset="paper").head
    assert head.standardise.mode == "dim" and head.factors[0].shape == (256,)
