import math

import pytest
import torch

from unbraid.core.errors import CapabilityError, ConfigError
from unbraid.core.interfaces import DEFAULT_DOMAIN, Draws, EpisodeRows, LatentSpec, total
from unbraid.core.latents import Latents
from unbraid.core.training import FitSettings, few_shot_monitor, train
from unbraid.core.training.monitor import few_shot_accuracy
from unbraid.plugins.matching.config import MatchingConfig
from unbraid.plugins.matching.model import Matching


def directions(classes, per_class, seed, noisy=6):
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
    return Matching(MatchingConfig(**settings), LatentSpec((8,)))


def attention_by_hand(support, query, temperature):
    """Equation (1) with plain loops: support C lists of K vectors, one query."""
    weights = [
        [math.exp(temperature * float(row @ query) / math.sqrt(float(row @ row) * float(query @ query))) for row in way]
        for way in support
    ]
    return [sum(way) / sum(map(sum, weights)) for way in weights]


@pytest.mark.parametrize("temperature", [1.0, 10.0])
def test_loss_is_equation_1(temperature):
    head = make(network="linear", temperature=temperature)
    support, query = torch.randn(2, 3, 2, 8), torch.randn(2, 4, 8)
    target = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 0]])
    (objective,) = head.objectives({})
    found = total(objective.loss({"episodes": EpisodeRows(support, query, target)}, Draws(0, "t", 0)))
    with torch.no_grad():
        losses = [
            -math.log(attention_by_hand(head.network(support[e]), head.network(query[e])[q], temperature)[target[e, q]])
            for e in range(2)
            for q in range(4)
        ]
    assert found.item() == pytest.approx(sum(losses) / 8, rel=1e-5)


def test_the_mean_score_of_a_way_chooses_as_attention_does():
    """One very close row outweighs two middling ones: the mean cosine would choose the other way."""
    query = torch.tensor([1.0, 0.0])
    angles = torch.deg2rad(torch.tensor([[5.0, 120.0], [50.0, 50.0]]))
    support = torch.stack([angles.cos(), angles.sin()], -1)
    probabilities = attention_by_hand(support, query, 10.0)
    assert probabilities[0] > probabilities[1]
    cosine = angles.cos().mean(1)
    assert cosine[0] < cosine[1]
    episodes = EpisodeRows(support[None], query[None, None], torch.tensor([[0]]))
    assert few_shot_accuracy(make(network="raw"), episodes) == 1
    scores = make(network="raw").score(support.flatten(0, 1), query.expand(4, 2)).view(2, 2).sum(1)
    torch.testing.assert_close(scores / scores.sum(), torch.tensor(probabilities))


def test_raw_is_the_standardised_latent_and_nothing_else():
    head, latents = make(network="raw"), directions(6, 10, 0)
    head.prepare({DEFAULT_DOMAIN: latents})
    z = latents.z
    torch.testing.assert_close(head.disentangle(z)["embedding"], (z - z.mean(0)) / z.std(0, correction=0))
    assert not list(head.parameters()) and head.objectives({}) == () and head.steps == 0


@pytest.mark.parametrize(("classes", "ways"), [(6, 6), (30, 20)])
def test_ways_go_down_to_the_classes_there_are(classes, ways):
    head = make()
    head.prepare({DEFAULT_DOMAIN: directions(classes, 10, 0)})
    (objective,) = head.objectives({})
    assert objective.batch["episodes"].ways == ways


@pytest.mark.parametrize("network", ["linear", "mlp"])
def test_training_finds_the_dimensions_that_carry_the_class(network):
    head, training, unseen = make(network=network), directions(40, 12, 0), directions(20, 12, 1)
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


@pytest.mark.parametrize(
    "wrong", [{"ways": 1}, {"width": 0}, {"network": "conv"}, {"hidden": ()}, {"lr": 0}, {"temperature": 0.0}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        MatchingConfig(**wrong)
