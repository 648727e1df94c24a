"""The head: the contract every method keeps, and what only this one promises."""

import numpy as np
import pytest
import torch
import unbraid
from unbraid.testing import parametrize_with_checks, toy_backbone, toy_dataset

from unbraid_iin.config import IinConfig
from unbraid_iin.model import Iin

SMALL = {"repeats": 2, "hidden": 8, "pairs": 16}


@parametrize_with_checks("iin", settings=SMALL, backbones=["vector", "map", "constant", "huge"])
def test_contract(check):
    check()


@pytest.mark.parametrize("view", ["flattened", "pooled", "positions"])
@pytest.mark.parametrize("kind", ["vector", "map"])
def test_a_round_trip_loses_nothing(kind, view):
    """After training, on latents of contents nobody trained on: a vector and a map, however it is seen."""
    model = unbraid.attach("iin", toy_backbone(kind), map=view, hidden=32)
    dataset = toy_dataset()
    model.fit(dataset, steps=30, quiet=True)
    unseen = np.flatnonzero(dataset.labels["content"] >= 14)
    with torch.no_grad():
        z = model.encode(dataset.images[unseen])
        found = model.head.entangle(model.head.disentangle(z))
    assert (found - z).abs().max() < 1e-4


def test_what_pairs_share_gathers_in_its_block():
    """Two numbers are those of the content, two vary freely, and all are rotated together: the flow takes them apart."""
    torch.manual_seed(0)
    mixed = torch.linalg.qr(torch.randn(4, 4)).Q

    def pairs(count):
        content = torch.randn(count, 2)
        return [torch.cat([content, torch.randn(count, 2)], 1) @ mixed for _ in range(2)]

    head = Iin(IinConfig(hidden=16, repeats=4, depth=1), unbraid.LatentSpec((4,)))
    optimiser = torch.optim.Adam(head.parameters(), lr=5e-3)
    for _ in range(300):
        first, second = pairs(128)
        batch = {"content": unbraid.Pairs(first, second, {})}
        optimiser.zero_grad()
        head.loss(batch, unbraid.Draws(0, "train", 0))["content"].value.backward()
        optimiser.step()
    with torch.no_grad():
        first, second = (head.disentangle(z) for z in pairs(2000))
    agreement = {
        name: torch.corrcoef(torch.stack([first[name].flatten(), second[name].flatten()]))[0, 1] for name in first
    }
    assert agreement["content"] > 0.9 and agreement["residual"].abs() < 0.2


def test_blocks_divide_the_latent():
    def widths(**settings):
        head = unbraid.attach("iin", toy_backbone("vector"), **SMALL, **settings).head
        return {factor.name: (factor.width, factor.role) for factor in head.factors}

    assert widths() == {"residual": (4, "style"), "content": (4, "content")}
    assert widths(preset="both") == {"residual": (4, "rest"), "content": (2, "content"), "style": (2, "style")}
    assert widths(width=1) == {"residual": (7, "style"), "content": (1, "content")}


@pytest.mark.parametrize(
    "setting", [{"labels": ("style",)}, {"correlation": 1.0}, {"width": 0}, {"lr": 0.0}, {"repeats": 0}]
)
def test_settings_are_checked(setting):
    with pytest.raises(unbraid.ConfigError, match="out of range"):
        unbraid.attach("iin", toy_backbone("vector"), **setting)


def test_too_narrow_a_latent_is_refused():
    with pytest.raises(unbraid.CapabilityError, match="too narrow"):
        unbraid.attach("iin", toy_backbone("tiny"), width=3)
