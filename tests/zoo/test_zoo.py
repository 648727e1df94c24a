"""Every toy, and built-in methods beside them, goes through attach, fit, resume, save, load, export, run and evaluate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pytest
import torch
import zoo_backbones
import zoo_data
import zoo_manifest

import unbraid
from unbraid.core.errors import CapabilityError
from unbraid.core.freezing import FrozenGuard
from unbraid.registry import Registry, get_registry, use_registry


@dataclass(frozen=True)
class Toy:
    """One row of the zoo: a method on the backbone it is about."""

    method: str
    backbone: str
    missing: float = 0.0
    corners: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        seen = f"-{self.settings['map']}" if "map" in self.settings else ""
        return f"{self.method}-on-{self.backbone}{seen}" + ("-partial" if self.missing else "")

    def backbones(self):
        make = getattr(zoo_backbones, self.backbone)
        return {"left": make(0), "right": make(1)} if self.method in ("two-domains", "jade") else make()

    @cached_property
    def data(self):
        return zoo_data.stripes(self.missing, corners=self.corners)

    def attach(self):
        return unbraid.attach(self.method, self.backbones(), **self.settings)

    def fit(self, model, **settings):
        data = {name: self.data for name in model.backbones} if len(model.backbones) > 1 else self.data
        return model.fit(data, quiet=True, **{"steps": 12, "eval_every": 5, "checkpoint_every": 4, **settings})


#: Layers that fit a toy.
SMALL_FDEN = {
    "trunk": (16,),
    "branch": (16,),
    "entangler_branch": (16,),
    "entangler": (16,),
    "critic": (16,),
    "episodes": 2,
}

TOYS = [
    Toy("two-domains", "vector"),
    Toy("gated-adversary", "vector"),
    Toy("gaussian-style", "vector"),
    Toy("class-gated", "vector"),
    Toy("class-gated", "vector", missing=0.4),
    Toy("embedding", "vector"),
    Toy("closed-form", "vector"),
    Toy("pooled-map", "feature_map"),
    Toy("closed-form", "encoder_only"),
    Toy("split", "no_gradient"),
    Toy("split", "pixels"),
    Toy("exact-flow", "vector"),
    Toy("pixel-cycle", "vector"),
    Toy("three-labels", "vector", corners=True),
    Toy("cycle_vae", "vector", settings={"hidden": (16,), "cycle_through": "pixels", "adversary": "both"}),
    Toy("cycle_vae", "pixels", settings={"preset": "paper", "channels": (4,)}),
    Toy("mathieu", "vector", settings={"hidden": (16,), "accuracy_limit": 0.6}),
    Toy("szabo", "feature_map", settings={"hidden": (16,), "discriminate": "pixels"}),
    Toy("fden", "feature_map", settings={**SMALL_FDEN, "map": "flattened"}),
    Toy("fden", "feature_map", settings={**SMALL_FDEN, "map": "pooled", "alignment": "relation"}),
    Toy("fden", "feature_map", settings={**SMALL_FDEN, "map": "positions", "factor_width": 2}),
    Toy("prototype", "feature_map", settings={"hidden": (8,), "width": 5, "map": "pooled"}),
    Toy("prototype", "feature_map", settings={"hidden": (8,), "width": 5, "map": "positions"}),
    Toy("slice", "vector", settings={"specified": (4, 8), "unspecified": (0, 3)}),
    Toy("matching", "vector"),
    Toy("nvae", "vector"),
    Toy("nvae", "vector", missing=0.4),
    Toy("m2", "vector", missing=0.4),
    Toy("dr_gan", "vector"),
    Toy("m2", "feature_map", settings={"encoder": (16,), "decoder": (16,), "classifier": (16,)}),
    Toy("jade", "vector", settings={"encoder": (16,), "decoder": (16,), "classifier": (16,)}),
]


#: All kinds of metric, with attackers too weak to judge anything: here only the way there matters.
METRICS = {
    "few_shot": {},
    "probes": {"seeds": 1, "epochs": 1, "hidden": 8},
    "reconstruction": {},
    "swap_error": {},
}


@pytest.fixture(scope="module", autouse=True)
def zoo():
    with use_registry(Registry([*get_registry().manifests, zoo_manifest])):
        yield


@pytest.fixture(scope="module", params=TOYS, ids=str)
def toy(request, zoo):
    return request.param


@pytest.fixture(scope="module")
def run(toy, tmp_path_factory):
    """The folder of an uninterrupted fit."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def fitted(toy, run):
    model = toy.attach()
    toy.fit(model, out=run)
    return model


def single(model):
    """The model, or that of its first domain."""
    return model if len(model.backbones) == 1 else model.domain("left")


def images(toy, n=6):
    return toy.data.images[np.arange(0, 4 * n, 4)]


def test_attach_gives_the_same_head_for_the_same_seed(toy):
    if toy.attach().spec.needs_classes:
        with pytest.raises(CapabilityError, match="no network yet"):
            _ = toy.attach().head
        return
    before = torch.random.get_rng_state()
    first, second = toy.attach().head.state_dict(), toy.attach().head.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_fit_trains_the_head_and_leaves_the_backbone(toy):
    model = toy.attach()
    guards = [FrozenGuard(backbone) for backbone in model.backbones.values()]
    model.train()
    result = toy.fit(model)
    for guard in guards:
        guard.verify()
    assert result.steps == (12 if model.head.objectives(model.backbones) else 0)
    assert all(p.grad is None for p in model.parameters())


def test_factors_have_the_declared_names_and_shapes(toy, fitted):
    model = single(fitted)
    factors = model.disentangle(images(toy))
    assert {name: tuple(value.shape) for name, value in factors.items()} == {
        f.name: (6, *f.shape) for f in model.head.factors
    }
    posterior = model.head.posterior(model.encode(images(toy)))
    for factor in model.head.factors:
        assert torch.equal(posterior[factor.name].mean, factors[factor.name])
        assert (posterior[factor.name].log_variance is not None) == (factor.distribution == "gaussian")


@pytest.mark.parametrize("stop", [1, 5, 11])
def test_resume_is_exact(toy, fitted, stop, tmp_path):
    """Stopped at a step, twice, the run ends with the weights of one that never stopped, bit for bit."""
    for steps, resume in ((stop, False), (min(stop + 3, 12), True), (12, True)):
        model = toy.attach()
        toy.fit(model, out=tmp_path, steps=steps, resume=resume)
    expected, found = fitted.network.state_dict(), model.network.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_save_and_load_give_the_same_factors(toy, fitted, tmp_path):
    fitted.save(tmp_path / "head")
    backbones = toy.backbones()
    loaded = unbraid.load(tmp_path / "head", backbones)
    expected, found = (single(m).disentangle(images(toy)) for m in (fitted, loaded))
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    fitted.save(tmp_path / "again")
    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / "head" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
    stored = {k.split(".")[0] for k in unbraid.core.artefacts.read_tensors(tmp_path / "head" / "model.safetensors")}
    assert not stored & set(fitted.head.train_only)


def test_verbs_do_what_the_capabilities_say(toy, fitted):
    model, x = single(fitted), images(toy)
    if "entangle" not in model.head.capabilities:
        with pytest.raises(CapabilityError, match="entangle"):
            model.transfer(content=x, style=x)
        return
    z = model.encode(x)
    swapped = model.latents.transfer(content=z, style=z.flip(0))
    assert swapped.shape == z.shape
    assert torch.allclose(model.latents.transfer(content=z, style=z), model.latents.reconstruct(z))
    if "decode" in model.backbone.info.capabilities:
        assert model.transfer(content=x, style=x).shape == x.shape
        grid = model.interpolate(x[:2], x[2:4], steps=3)
        assert grid.shape == (3, 3, 2, *x.shape[1:])
        assert torch.allclose(grid[0, 0], model.reconstruct(x[:2]), atol=1e-5)
    else:
        with pytest.raises(CapabilityError, match="decode"):
            model.reconstruct(x)


@pytest.fixture(scope="module")
def bundle(toy, fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "bundle"
    single(fitted).export(path)
    return unbraid.load_bundle(path)


def test_export_runs_without_torch_and_agrees(toy, fitted, bundle):
    model, x = single(fitted), images(toy)
    expected, found = model.disentangle(x), bundle.disentangle(x)
    assert list(expected) == list(found)
    for name in expected:
        bound = 1e-5 * max(1.0, float(expected[name].abs().max()))
        assert np.abs(expected[name].numpy() - found[name]).max() <= bound
    if "classify" in model.head.capabilities:
        assert np.abs(model.head.classify(model.encode(x)).detach().numpy() - bundle.classify(x)).max() <= 1e-5
    if "entangle" in model.head.capabilities and "decode" in model.backbone.info.capabilities:
        gap = np.abs(
            model.transfer(content=x, style=x[::-1].copy()).numpy() - bundle.transfer(content=x, style=x[::-1])
        )
        assert gap.max() <= 1e-5


def test_evaluate_reports_every_figure_or_says_why_not(toy, fitted):
    evaluation = single(fitted).evaluate(toy.data, episodes=50, metrics=METRICS)
    names = {figure.name for figure in evaluation.figures}
    assert names
    head = single(fitted).head
    for figure in evaluation.figures:
        if figure.not_applicable is None:
            assert np.isfinite(figure.value)
    swaps = [f for f in evaluation.figures if f.name.startswith("swap")]
    assert any(f.not_applicable is None for f in swaps) == ("entangle" in head.capabilities)


def test_the_exact_ones_are_exact(toy, fitted):
    pooled = toy.settings.get("map") == "pooled" and "entangle" in fitted.head.capabilities
    if not pooled and toy.method not in ("exact-flow", "pooled-map", "closed-form", "slice"):
        pytest.skip("not an exact method")
    z = fitted.encode(images(toy))
    assert torch.allclose(fitted.latents.reconstruct(z), z, atol=1e-5)


def test_a_method_that_needs_gradients_refuses_a_backbone_without():
    with pytest.raises(CapabilityError, match="gradient"):
        unbraid.attach("pixel-cycle", zoo_backbones.no_gradient())
    with pytest.raises(CapabilityError, match="decode"):
        unbraid.attach("pixel-cycle", zoo_backbones.encoder_only())
