"""FDEN on maps: flattened, pooled with a rest, and by positions; vectors are what they always were."""

import hashlib
import json

import pytest
import torch

from unbraid.core.attached.building import build_head, resolve_method
from unbraid.core.interfaces import DEFAULT_DOMAIN, Draws, EpisodeRows, LatentSpec, Rows, total
from unbraid.core.latents import Latents
from unbraid.plugins.fden.config import FDENConfig
from unbraid.plugins.fden.losses import Factorising
from unbraid.plugins.fden.model import FDEN

SMALL = {
    "trunk": (16,),
    "branch": (12,),
    "entangler_branch": (12,),
    "entangler": (16,),
    "critic": (16, 8),
    "episodes": 2,
}

#: Names and shapes of the state as a hash, and a weighted sum of all its numbers, of heads made before maps had views.
BEFORE = [
    ({}, (16,), "09fbc719b2a4a80c", 16.663643308223538),
    ({"preset": "paper"}, (16,), "7501c00e42a4ecda", 19.48692161217921),
    ({"preset": "code"}, (16,), "d0ceae1eb91030eb", 14.53351262146511),
    ({"labels": ("content", "style")}, (16,), "0167e83d08cb2922", 17.91726311345897),
    ({}, (2, 4, 4), "c0b4fcb2563fa9be", 15.91122668468132),
]


def built(shape, seed=0, **settings):
    preset = settings.pop("preset", None)
    method = resolve_method("fden", preset, settings)
    return build_head(method, {DEFAULT_DOMAIN: LatentSpec(shape)}, {}, seed)


def trained_a_little(head, shape, steps=3):
    """A few steps on random episodes, so that biases, batch norm and statistics are not what they start as."""
    head.prepare({DEFAULT_DOMAIN: latents_of(shape)})
    objective = head.objectives({})[0]
    optimiser = objective.optimiser.build(objective.parameters)
    losses = []
    for step in range(steps):
        optimiser.zero_grad()
        found = objective.loss(batch_of(shape, step), Draws(0, "test", step))
        objective.backward(found)
        optimiser.step()
        losses.append(total(found).detach())
    return torch.stack(losses)


def latents_of(shape, n=24):
    mean = torch.randn(n, *shape, generator=torch.Generator().manual_seed(7)) * 2 + 0.5
    labels = {"content": torch.arange(n) % 6}
    return Latents(mean=mean, log_variance=None, labels=labels, spec=LatentSpec(shape), classes={"content": 6})


def batch_of(shape, step):
    z = torch.randn(2 * 5 * 2, *shape, generator=torch.Generator().manual_seed(step))
    target = torch.arange(5).expand(2, 5)
    episodes = EpisodeRows(z[:10].view(2, 5, 1, *shape), z[10:].view(2, 5, *shape), target)
    return {"episodes": episodes, "rows": Rows(z, {"content": torch.arange(20) % 6})}


@pytest.mark.parametrize(("settings", "shape", "names", "numbers"), BEFORE)
def test_heads_made_before_are_made_the_same(settings, shape, names, numbers):
    state = built(shape, **settings).state_dict()
    described = json.dumps([[name, list(tensor.shape)] for name, tensor in state.items()])
    assert hashlib.sha256(described.encode()).hexdigest()[:16] == names
    flat = torch.cat([tensor.double().flatten() for tensor in state.values()])
    weights = torch.arange(1, len(flat) + 1, dtype=torch.double).rsqrt()
    assert float(flat @ weights) == pytest.approx(numbers, rel=1e-7)


@pytest.mark.parametrize("how", ["pooled", "positions"])
@pytest.mark.parametrize("extra", [{}, {"alignment": "relation", "critic_branch": (8,)}, {"adversary": 1.0}])
def test_a_map_of_one_position_trains_as_the_vector_does(how, extra):
    """One position is its own average, and its own only row: losses and factors are those of the vector."""
    vector, head = built((6,), **SMALL, **extra), built((6, 1, 1), map=how, **SMALL, **extra)
    torch.manual_seed(3)
    expected = trained_a_little(vector, (6,))
    torch.manual_seed(3)
    found = trained_a_little(head, (6, 1, 1))
    assert torch.allclose(found, expected, rtol=1e-5)
    z = torch.randn(9, 6)
    vector.eval(), head.eval()
    factors, of_map = vector.disentangle(z), head.disentangle(z[:, :, None, None])
    for name, factor in factors.items():
        assert torch.allclose(of_map[name].flatten(1), factor, atol=1e-5)
    if how == "positions":
        assert torch.allclose(head.entangle(of_map).flatten(1), vector.entangle(factors), atol=1e-5)


def test_by_positions_factors_move_with_the_picture():
    head = built((3, 4, 5), map="positions", factor_width=2, standardise="channel", **SMALL)
    trained_a_little(head, (3, 4, 5))
    head.eval()
    z = torch.randn(7, 3, 4, 5)
    factors, moved = head.disentangle(z), head.disentangle(z.roll((1, 2), (2, 3)))
    assert factors["identity"].shape == (7, 2, 4, 5)
    for name, factor in factors.items():
        assert torch.allclose(moved[name], factor.roll((1, 2), (2, 3)), atol=1e-6)
    assert torch.allclose(head.entangle(moved), head.entangle(factors).roll((1, 2), (2, 3)), atol=1e-6)
    assert head.score(factors["identity"], factors["identity"]).shape == (7,)


def test_pooled_factors_nobody_touched_give_the_latent_back():
    head = built((6, 3, 2), map="pooled", **SMALL)
    trained_a_little(head, (6, 3, 2))
    head.eval()
    z = torch.randn(7, 6, 3, 2)
    factors = head.disentangle(z)
    assert {name: tuple(f.shape[1:]) for name, f in factors.items()} == {f.name: f.shape for f in head.factors}
    assert [(f.name, f.role) for f in head.factors][-1] == ("rest", "rest")
    assert torch.allclose(head.entangle(factors), z, atol=1e-5)


def test_swapping_pooled_factors_adds_one_change_to_every_position():
    head = built((6, 3, 2), map="pooled", **SMALL).eval()
    z, other = torch.randn(7, 6, 3, 2), torch.randn(7, 6, 3, 2)
    factors = head.disentangle(z)
    swapped = head.entangle(factors | {"identity": head.disentangle(other)["identity"]})
    change = swapped - z
    assert change.abs().max() > 1e-2
    assert torch.allclose(change, change.mean((2, 3), keepdim=True).expand_as(change), atol=1e-6)


def test_pooled_networks_see_averages_alone():
    head = built((6, 3, 2), map="pooled", **SMALL).eval()
    z = torch.randn(7, 6, 3, 2)
    shuffled = z.flatten(2)[:, :, torch.randperm(6)].view_as(z)
    for name in ("identity", "style"):
        assert torch.allclose(head.disentangle(z)[name], head.disentangle(shuffled)[name], atol=1e-5)


def test_the_critic_of_maps_gives_one_value_a_picture():
    head = FDEN(FDENConfig(map="positions", **SMALL), LatentSpec((4, 3, 3)))
    assert head.statistician(torch.randn(5, 8, 3, 3)).shape == (5, 1)
    assert Factorising(head).loss(batch_of((4, 3, 3), 0), Draws(0, "test", 0))["mutual_information"].value.isfinite()
