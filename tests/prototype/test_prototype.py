import pytest
import torch
from torch import nn
from torch.nn import functional as F

from unbraid.core.errors import CapabilityError, ConfigError
from unbraid.core.interfaces import DEFAULT_DOMAIN, Draws, EpisodeRows, LatentSpec, total
from unbraid.core.latents import Latents
from unbraid.core.training import FitSettings, few_shot_monitor, train
from unbraid.plugins.prototype.config import PrototypeConfig
from unbraid.plugins.prototype.model import Prototype


def clustered(classes, per_class, seed, noisy=6):
    """Class means in two dimensions, drowned by noise in six others."""
    g = torch.Generator().manual_seed(seed)
    labels = torch.arange(classes).repeat_interleave(per_class)
    signal = torch.randn(classes, 2, generator=g)[labels] + 0.1 * torch.randn(len(labels), 2, generator=g)
    mean = torch.cat([0.01 * signal, torch.randn(len(labels), noisy, generator=g)], 1)
    return Latents(
        mean=mean,
        log_variance=None,
        labels={"content": labels},
        spec=LatentSpec((2 + noisy,)),
        classes={"content": classes},
    )


def make(**settings):
    torch.manual_seed(0)
    return Prototype(PrototypeConfig(**settings), LatentSpec((8,)))


def test_raw_is_the_standardised_latent_and_nothing_else():
    head, latents = make(network="raw"), clustered(6, 10, 0)
    head.prepare({DEFAULT_DOMAIN: latents})
    z = latents.z
    torch.testing.assert_close(head.disentangle(z)["embedding"], (z - z.mean(0)) / z.std(0, correction=0))
    assert not list(head.parameters()) and head.objectives({}) == () and head.steps == 0


@pytest.mark.parametrize(("network", "widths"), [("linear", [(8, 64)]), ("mlp", [(8, 256), (256, 256), (256, 64)])])
def test_widths(network, widths):
    linear = [m for m in make(network=network).modules() if isinstance(m, nn.Linear)]
    assert [(m.in_features, m.out_features) for m in linear] == widths


def test_loss_against_plain_loops():
    head = make(network="linear")
    support, query = torch.randn(2, 3, 2, 8), torch.randn(2, 4, 8)
    target = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 0]])
    (objective,) = head.objectives({})
    found = total(objective.loss({"episodes": EpisodeRows(support, query, target)}, Draws(0, "t", 0)))
    losses = []
    for e in range(2):
        prototypes = [head.network(support[e, c]).mean(0) for c in range(3)]
        for q in range(4):
            logits = torch.stack([-(head.network(query[e, q][None])[0] - p).square().sum() for p in prototypes])
            losses.append(F.cross_entropy(logits[None], target[e, q][None]))
    torch.testing.assert_close(found, torch.stack(losses).mean())


@pytest.mark.parametrize(("classes", "ways"), [(6, 6), (30, 20)])
def test_ways_go_down_to_the_classes_there_are(classes, ways):
    head = make()
    head.prepare({DEFAULT_DOMAIN: clustered(classes, 10, 0)})
    (objective,) = head.objectives({})
    assert objective.batch["episodes"].ways == ways


def test_classes_with_too_few_rows_do_not_count():
    latents = clustered(8, 6, 0)
    labels = latents.labels["content"].clone()
    labels[:3] = -1  # half of class 0 has no label
    short = Latents(
        mean=latents.mean, log_variance=None, labels={"content": labels}, spec=latents.spec, classes={"content": 8}
    )
    head = make(shots=1, queries=5)
    head.prepare({DEFAULT_DOMAIN: short})
    assert head.ways == 7


@pytest.mark.parametrize("network", ["linear", "mlp"])
def test_training_finds_the_dimensions_that_carry_the_class(network):
    head, training, unseen = make(network=network), clustered(40, 12, 0), clustered(20, 12, 1)
    head.prepare({DEFAULT_DOMAIN: training})
    monitor = few_shot_monitor(head.eval(), {DEFAULT_DOMAIN: unseen}, 0)
    raw = make(network="raw")
    raw.prepare({DEFAULT_DOMAIN: training})
    untouched = few_shot_monitor(raw, {DEFAULT_DOMAIN: unseen}, 0).measure()
    train(head, head.objectives({}), {DEFAULT_DOMAIN: training}, FitSettings(steps=150, quiet=True))
    head.finish({DEFAULT_DOMAIN: training})
    assert monitor.measure() > untouched + 0.15


def test_no_entangler():
    with pytest.raises(CapabilityError, match="cannot entangle"):
        make().entangle({})


@pytest.mark.parametrize("wrong", [{"ways": 1}, {"width": 0}, {"network": "conv"}, {"hidden": ()}, {"lr": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        PrototypeConfig(**wrong)


@pytest.mark.parametrize(("how", "shape"), [("flattened", (9,)), ("pooled", (9,)), ("positions", (9, 2, 3))])
def test_maps_are_seen_in_three_ways(how, shape):
    head = Prototype(PrototypeConfig(width=9, hidden=(8,), map=how), LatentSpec((4, 2, 3))).eval()
    z = torch.randn(5, 4, 2, 3)
    embedding = head.disentangle(z)["embedding"]
    assert embedding.shape == (5, *shape) and head.factors[0].shape == shape
    expected = -(embedding[:-1] - embedding[1:]).square().flatten(1).sum(1)
    assert torch.equal(head.score(embedding[:-1], embedding[1:]), expected)


def test_raw_is_the_map_itself_unless_told_otherwise():
    z = torch.randn(5, 8, 32, 32)
    raw = PrototypeConfig(network="raw", standardise="none")
    assert torch.equal(Prototype(raw, LatentSpec((8, 32, 32))).disentangle(z)["embedding"], z.flatten(1))
    pooled = PrototypeConfig(network="raw", standardise="none", map="pooled")
    assert torch.equal(Prototype(pooled, LatentSpec((8, 32, 32))).disentangle(z)["embedding"], z.mean((2, 3)))
