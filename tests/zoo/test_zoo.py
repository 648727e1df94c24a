"""Every toy keeps every promise of a method: attach, fit, resume, save, load, export, run and evaluate."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
import zoo_manifest

import unbraid
from unbraid.core.errors import CapabilityError
from unbraid.registry import Registry, get_registry, use_registry
from unbraid.testing import check_disentangler, checks_of, toy_backbone, toy_dataset


@dataclass(frozen=True)
class Toy:
    """One row of the zoo: a method on the backbone it is about."""

    method: str
    backbone: str
    missing: float = 0.0
    corners: bool = False

    def __str__(self) -> str:
        return f"{self.method}-on-{self.backbone}" + ("-partial" if self.missing else "")


TOYS = [
    Toy("two-domains", "vector"),
    Toy("gated-adversary", "vector"),
    Toy("gaussian-style", "vector"),
    Toy("class-gated", "vector"),
    Toy("class-gated", "vector", missing=0.4),
    Toy("embedding", "vector"),
    Toy("closed-form", "vector"),
    Toy("pooled-map", "map"),
    Toy("closed-form", "no-decoder"),
    Toy("split", "no-gradient"),
    Toy("split", "pixels"),
    Toy("exact-flow", "vector"),
    Toy("pixel-cycle", "vector"),
    Toy("three-labels", "vector", corners=True),
]

#: Toys whose `entangle` is the exact inverse of `disentangle`, and a backbone for each.
EXACT = {"exact-flow": "vector", "pooled-map": "map", "closed-form": "vector"}


@pytest.fixture(scope="module", autouse=True)
def zoo():
    with use_registry(Registry([*get_registry().manifests, zoo_manifest])):
        yield


@pytest.mark.parametrize("toy", TOYS, ids=str)
def test_a_toy_keeps_every_promise(toy):
    data = toy_dataset(toy.missing, corners=toy.corners)
    report = check_disentangler(toy.method, backbones=[toy.backbone], dataset=data)
    assert len(report) == len(checks_of("method"))
    assert all(result.status == "passed" for result in report if result.group in ("frozen", "resume", "saving"))


@pytest.mark.parametrize("method", EXACT)
def test_the_exact_ones_are_exact(method):
    model, data = unbraid.attach(method, toy_backbone(EXACT[method])), toy_dataset()
    model.fit(data, steps=12, quiet=True)
    z = model.encode(data.images[np.arange(0, 24, 4)])
    assert torch.allclose(model.latents.reconstruct(z), z, atol=1e-5)


@pytest.mark.parametrize(
    ("method", "backbone", "lacking"), [("embedding", "vector", "entangle"), ("split", "no-decoder", "decode")]
)
def test_a_verb_that_needs_more_than_there_is_says_what(method, backbone, lacking):
    model, x = unbraid.attach(method, toy_backbone(backbone)), toy_dataset().images[:2]
    with pytest.raises(CapabilityError, match=lacking):
        model.transfer(content=x, style=x)


def test_a_method_that_waits_for_the_classes_says_so():
    with pytest.raises(CapabilityError, match="no network yet"):
        _ = unbraid.attach("class-gated", toy_backbone("vector")).head


def test_a_method_that_needs_gradients_refuses_a_backbone_without():
    with pytest.raises(CapabilityError, match="gradient"):
        unbraid.attach("pixel-cycle", toy_backbone("no-gradient"))
    with pytest.raises(CapabilityError, match="decode"):
        unbraid.attach("pixel-cycle", toy_backbone("no-decoder"))
