"""A mixture whose content and style are known: what each code holds after a short fit."""

import pytest
import torch

from unbraid.core.evaluation.probe import ProbeSettings, probe
from unbraid.core.interfaces import DEFAULT_DOMAIN, Draws, LatentSpec
from unbraid.core.latents import Latents
from unbraid.core.training import FitSettings, train
from unbraid.plugins.cycle_vae.config import CycleVAEConfig
from unbraid.plugins.cycle_vae.model import CycleVAE

CLASSES, ROWS, CONTENT, STYLE = 40, 2000, 4, 2
ATTACKERS = ProbeSettings(hidden=128, epochs=20, seeds=1)


def planted():
    """Six numbers mixed linearly of four that name the class and two that are free of it."""
    g = torch.Generator().manual_seed(0)
    labels = torch.arange(ROWS) % CLASSES
    content = 2 * torch.randn(CLASSES, CONTENT, generator=g)[labels]
    style = torch.randn(ROWS, STYLE, generator=g)
    mixed = torch.cat([content, style], 1) @ torch.randn(CONTENT + STYLE, CONTENT + STYLE, generator=g)
    return Latents(
        mean=mixed,
        log_variance=None,
        labels={"content": labels},
        spec=LatentSpec((CONTENT + STYLE,)),
        classes={"content": CLASSES},
    ), style


@pytest.fixture(scope="module")
def fitted():
    latents, style = planted()
    torch.manual_seed(0)
    config = CycleVAEConfig(specified=CONTENT, unspecified=STYLE, hidden=(64, 64), kl=0.3, pairs=128)
    head = CycleVAE(config, latents.spec)
    sources = {DEFAULT_DOMAIN: latents}
    head.prepare(sources)
    train(head, head.objectives({DEFAULT_DOMAIN: None}), sources, FitSettings(steps=1500, quiet=True))
    return head.eval(), latents, style


@torch.no_grad()
def codes(head, z, mode):
    draws = Draws(0, "planted", 0)
    return {
        name: (each.mean if mode == "mean" else each.sample(draws.normal(*each.mean.shape))).numpy()
        for name, each in head.posterior(z).items()
    }


@pytest.mark.parametrize("mode", ["mean", "sample"])
def test_fresh_attackers_read_the_class_from_the_specified_code_alone(fitted, mode):
    head, latents, _ = fitted
    of_head = codes(head, latents.z, mode)
    found = probe({"raw": latents.z.numpy(), **of_head}, latents.labels["content"].numpy(), seed=0, settings=ATTACKERS)
    assert found["raw"].strongest.accuracy > 0.98 and found["specified"].strongest.accuracy > 0.98
    assert found["unspecified"].strongest.accuracy < 0.1  # chance is 0.025


def test_the_unspecified_code_is_the_style(fitted):
    """A linear map of the one gives the other: share of variance left on rows that did not fit it."""
    head, latents, style = fitted
    found = torch.from_numpy(codes(head, latents.z, "mean")["unspecified"])
    inputs = torch.cat([found, torch.ones(ROWS, 1)], 1)
    weights = torch.linalg.lstsq(inputs[:1000], style[:1000]).solution
    left = (inputs[1000:] @ weights - style[1000:]).square().sum() / style[1000:].var(0).sum() / 1000
    assert left < 0.2


@torch.no_grad()
def test_swaps_within_a_class_cost_nothing(fitted):
    head, latents, _ = fitted
    z = latents.z
    spread = z.var(0).sum()
    factors = head.disentangle(z)
    other = factors["specified"].roll(CLASSES, 0)  # the next row of the same class
    own, swapped = (
        (head.entangle({**factors, "specified": s}) - z).square().sum(1).mean() / spread
        for s in (factors["specified"], other)
    )
    assert own < 0.02 and swapped < 1.1 * own
