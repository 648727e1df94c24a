"""Whatever a fit does, the backbone stays what it was: parameters, buffers, modes, flags, bit for bit."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import zoo_data
import zoo_manifest
from torch import Tensor, nn
from torch.nn.utils import parametrizations, spectral_norm

import unbraid
from unbraid import Backbone, freeze
from unbraid.core.errors import FrozenError
from unbraid.registry import DisentanglerSpec, Registry, get_registry, hookimpl, use_registry

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.nn.utils.spectral_norm.*:FutureWarning")


class Counting(nn.Module):
    """Keeps statistics by hand: a buffer no state_dict shows, and one that moves in training mode only."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("hidden", torch.randn(64), persistent=False)
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.calls += 1
        return x + 0.01 * self.hidden


def batch_norm() -> Backbone:
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8))
    image = nn.Sequential(nn.Linear(8, 64), nn.BatchNorm1d(64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))
    return freeze(trunk, image, input=(1, 8, 8))


def dropout() -> Backbone:
    return freeze(nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 8)), decoder(), input=(1, 8, 8))


def old_spectral_norm() -> Backbone:
    return freeze(nn.Sequential(nn.Flatten(), spectral_norm(nn.Linear(64, 8))), decoder(), input=(1, 8, 8))


def new_spectral_norm() -> Backbone:
    encoder = nn.Sequential(nn.Flatten(), parametrizations.spectral_norm(nn.Linear(64, 8)))
    return freeze(encoder, decoder(), input=(1, 8, 8))


def tied() -> Backbone:
    """The decoder's weight is the encoder's."""
    there, back = nn.Linear(64, 64), nn.Linear(64, 64)
    back.weight = there.weight
    image = nn.Sequential(back, nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))
    return freeze(nn.Sequential(nn.Flatten(), there), image, input=(1, 8, 8))


def hidden_buffers() -> Backbone:
    return freeze(nn.Sequential(nn.Flatten(), Counting(), nn.Linear(64, 8)), decoder(), input=(1, 8, 8))


def partly_frozen() -> Backbone:
    """Its user froze a parameter, and left a gradient on another."""
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 8))
    encoder[1].bias.requires_grad_(False)
    encoder[1].weight.grad = torch.ones_like(encoder[1].weight)
    return freeze(encoder, decoder(), input=(1, 8, 8))


def mixed_modes() -> Backbone:
    """Its user put one layer in evaluation mode and left the rest in training mode."""
    backbone = batch_norm()
    backbone.encoder.module[2].eval()
    backbone.decoder[1].momentum = 0.5
    return backbone


def decoder() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))


NASTY = [
    batch_norm, dropout, old_spectral_norm, new_spectral_norm, tied, hidden_buffers, partly_frozen, mixed_modes,
]  # fmt: skip


class Meddling:
    """Methods that do what they must not."""

    @hookimpl
    def unbraid_disentanglers(self) -> list[DisentanglerSpec]:
        names = {"raising": "Raising", "thieving": "Thieving", "scribbling": "Scribbling", "switching": "Switching"}
        needs = frozenset({"decode", "gradient"})
        where = "zoo_meddlers"
        return [
            DisentanglerSpec(name=n, target=f"{where}:{t}", summary=t, supervision="none", needs=needs)
            for n, t in names.items()
        ]


@pytest.fixture(scope="module", autouse=True)
def zoo() -> Iterator[None]:
    with use_registry(Registry([*get_registry().manifests, zoo_manifest, Meddling()])):
        yield


@pytest.fixture(scope="module")
def data() -> unbraid.Dataset:
    return zoo_data.stripes()


@pytest.fixture(params=NASTY, ids=lambda make: make.__name__)
def backbone(request: pytest.FixtureRequest) -> Backbone:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return request.param()


def values(backbone: Backbone) -> dict[str, Tensor]:
    """Everything with a number in it, gradients and hidden buffers included; no hash of ours in between."""
    found: dict[str, Tensor] = {}
    for name, p in backbone.named_parameters(remove_duplicate=False):
        found[name] = p.detach().clone()
        if p.grad is not None:
            found[f"{name}.grad"] = p.grad.clone()
    return found | {name: b.clone() for name, b in backbone.named_buffers(remove_duplicate=False)}


def flags(backbone: Backbone) -> dict[str, bool]:
    modes = {f"{name}.training": m.training for name, m in backbone.named_modules(remove_duplicate=False)}
    return modes | {name: p.requires_grad for name, p in backbone.named_parameters(remove_duplicate=False)}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        t.dtype == second[n].dtype and torch.equal(t, second[n]) for n, t in first.items()
    )


def fit(model: unbraid.AttachedModel, data: unbraid.Dataset, **more: Any) -> None:
    model.fit(data, quiet=True, **{"steps": 6, "eval_every": 3, **more})


@pytest.mark.parametrize("method", ["split", "pixel-cycle"])
def test_nothing_moves_before_during_and_after(backbone: Backbone, data: unbraid.Dataset, method: str) -> None:
    numbers, switches, fingerprint = values(backbone), flags(backbone), backbone.fingerprint
    model = unbraid.attach(method, backbone)
    assert not any(flags(backbone)[name] for name in flags(backbone) if name.endswith("encoder.training"))
    assert not any(p.requires_grad for p in backbone.parameters())
    before = {name: t.clone() for name, t in model.head.state_dict().items()}
    fit(model, data)
    assert not same(before, model.head.state_dict()), "the head did learn"
    assert same(values(backbone), numbers)
    model.train()
    assert not any(m.training for m in backbone.encoder.modules())
    x = torch.rand(4, 1, 8, 8)
    assert torch.equal(model.encode(x), model.encode(x)), "dropout is off"
    model.reconstruct(x)
    model.detach()
    assert same(values(backbone), numbers) and flags(backbone) == switches
    assert backbone.fingerprint == fingerprint


def test_verbs_alone_leave_every_flag(backbone: Backbone) -> None:
    numbers, switches = values(backbone), flags(backbone)
    z = backbone.encode(torch.rand(4, 1, 8, 8))
    backbone.decode(z)
    assert same(values(backbone), numbers) and flags(backbone) == switches


@pytest.mark.parametrize("method", ["raising"])
def test_an_exception_in_the_middle(backbone: Backbone, data: unbraid.Dataset, method: str) -> None:
    numbers, switches = values(backbone), flags(backbone)
    model = unbraid.attach(method, backbone)
    with pytest.raises(ZeroDivisionError):
        fit(model, data)
    assert same(values(backbone), numbers)
    assert all(p.grad is None for p in model.parameters())
    model.detach()
    assert same(values(backbone), numbers) and flags(backbone) == switches


def test_two_heads_on_one_backbone(backbone: Backbone, data: unbraid.Dataset) -> None:
    switches = flags(backbone)
    first, second = unbraid.attach("split", backbone), unbraid.attach("pixel-cycle", backbone)
    fit(first, data)
    first.detach()
    assert not any(p.requires_grad for p in backbone.parameters()), "the other one is still there"
    fit(second, data)
    second.detach()
    second.detach()  # once more changes nothing
    assert flags(backbone) == switches


def test_two_backbones_of_one_encoder() -> None:
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Dropout(0.1))
    switches = [m.training for m in encoder.modules()]
    models = [unbraid.attach("split", freeze(encoder, input=(1, 8, 8))) for _ in range(2)]
    models[0].detach()
    assert not encoder[1].weight.requires_grad and not encoder[2].training
    models[1].detach()
    assert encoder[1].weight.requires_grad and [m.training for m in encoder.modules()] == switches


def test_a_model_nobody_holds_lets_go(backbone: Backbone, data: unbraid.Dataset) -> None:
    switches = flags(backbone)
    model = unbraid.attach("split", backbone)
    fit(model, data)
    assert flags(backbone) != switches or not any(switches.values())
    del model
    gc.collect()
    assert flags(backbone) == switches


def test_a_failed_attach_holds_nothing() -> None:
    backbone = batch_norm()
    switches = flags(backbone)
    for wrong in ({"method": "splitt"}, {"method": "two-domains"}, {"method": "split", "width": 3}):
        with pytest.raises(unbraid.UnbraidError):
            unbraid.attach(backbone=backbone, **wrong)
    gc.collect()
    assert flags(backbone) == switches


def test_an_objective_may_not_update_the_backbone(data: unbraid.Dataset) -> None:
    backbone = batch_norm()
    numbers = values(backbone)
    with pytest.raises(FrozenError) as caught:
        fit(unbraid.attach("thieving", backbone), data)
    message = str(caught.value)
    assert "'steal' would move the frozen backbone" in message and "parameters of backbone 'default'" in message
    assert same(values(backbone), numbers)


def test_an_objective_that_writes_to_a_buffer_is_caught(data: unbraid.Dataset) -> None:
    with pytest.raises(FrozenError) as caught:
        fit(unbraid.attach("scribbling", batch_norm()), data)
    message = str(caught.value)
    assert "the frozen backbone moved" in message and "running_mean" in message and "bit for bit" in message


def test_an_objective_that_switches_to_training_mode_is_caught(data: unbraid.Dataset) -> None:
    with pytest.raises(FrozenError, match="training"):
        fit(unbraid.attach("switching", batch_norm()), data)


def test_gradients_flow_through_the_frozen_backbone(backbone: Backbone) -> None:
    """Frozen is not no_grad: the gradient at the latent is the one of the plain, evaluated modules."""
    torch.manual_seed(0)
    model = unbraid.attach("split", backbone)
    z = torch.randn(3, *backbone.info.latent.shape, requires_grad=True)
    (found,) = torch.autograd.grad(backbone.encode(backbone.decode(z)).square().sum(), z)
    step = 1e-2 * found / found.norm()  # along the gradient, where the slope is steep enough to be told from rounding
    with torch.no_grad():
        up, down = (backbone.encode(backbone.decode(z + s)).square().sum().double() for s in (step, -step))
    assert torch.allclose((found * step).sum(), ((up - down) / 2).float(), rtol=2e-2)
    model.detach()
