"""Attributes are attacked like content and style, in every factor, and belong in the factor trained on them."""

from typing import Any

import numpy as np
import pytest

from unbraid.core.evaluation import RAW, Evidence, Population
from unbraid.plugins.metrics.probes import ProbesConfig, probes

N, WIDTH = 600, 5
CLASSES = {"content": 6, "style": 4, "tint": 3, "hat": 2}


def world(trained_on: dict[str, str], leak: float = 0.0) -> Evidence:
    """Every label a random vector, a factor each; `leak` times the tint is added to the factor of hats."""
    rng = np.random.default_rng(0)
    labels = {role: rng.integers(0, count, N) for role, count in CLASSES.items()}
    vectors = {role: rng.normal(size=(count, WIDTH))[labels[role]] for role, count in CLASSES.items()}
    noise = {role: 0.05 * rng.normal(size=(N, WIDTH)) for role in CLASSES}
    of = {"identity": "content", "rest_of_it": "style", "tint": "tint", "hat": "hat"}
    factors = {name: (vectors[role] + noise[role]).astype(np.float32) for name, role in of.items()}
    factors["hat"] += (leak * vectors["tint"]).astype(np.float32)
    z = np.concatenate(list(factors.values()), 1)
    population = Population(name="train", rows=np.arange(N), z=z, labels=labels, factors=factors)
    roles = {name: "content" if name == "identity" else "style" for name in factors}
    return Evidence(populations={"train": population}, roles=roles, trained_on=trained_on)  # type: ignore[arg-type]


OWN = {"identity": "content", "tint": "tint", "hat": "hat"}


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return {figure.name: figure for figure in probes(world(OWN, leak=1.0), ProbesConfig(seeds=1, epochs=10, hidden=32))}


def test_every_factor_is_attacked_for_every_label(found: dict[str, Any]) -> None:
    own = {"identity": "content", "rest_of_it": "style", "tint": "tint", "hat": "hat"}
    expected = {
        f"{'alignment' if own[factor] == label else 'leakage'}/{factor}/{label}" for factor in own for label in CLASSES
    }
    # what no attribute says stays by role: style is at home in every factor that no attribute claims
    assert set(found) == expected
    assert all(figure.higher_is_better == name.startswith("alignment") for name, figure in found.items())


def test_a_planted_leak_is_found_and_nothing_else(found: dict[str, Any]) -> None:
    for name, figure in found.items():
        _, factor, label = name.split("/")
        if name.startswith("alignment") or (factor, label) == ("hat", "tint"):
            assert figure.value > 0.95, name
        else:
            # majority and five standard deviations of a test share
            assert figure.value < figure.chance + 5 * np.sqrt(0.25 / figure.protocol["test_samples"]), name


def test_chance_and_raw_latents_stand_beside_each(found: dict[str, Any]) -> None:
    labels = world(OWN).population("train").labels
    for name, figure in found.items():
        label = name.split("/")[2]
        share = np.bincount(labels[label]).max() / N
        assert figure.chance == pytest.approx(share, abs=0.03) and figure.baselines[RAW] > 0.95


def test_who_an_attribute_belongs_to() -> None:
    evidence = world(OWN)
    assert evidence.belongs("tint", "tint") and not evidence.belongs("tint", "hat")
    assert not evidence.belongs("rest_of_it", "tint"), "somebody else was trained on it"
    assert not evidence.belongs("tint", "style") and evidence.belongs("rest_of_it", "style")
    unclaimed = world({"identity": "content", "tint": "tint"})
    assert unclaimed.belongs("rest_of_it", "hat") and not unclaimed.belongs("identity", "hat")
    assert not unclaimed.belongs("tint", "hat")


def test_without_attributes_roles_decide_as_ever() -> None:
    """Two factors of style, one of them trained on it: style belongs in both."""
    evidence = world({"identity": "content", "hat": "style"})
    for factor in ("rest_of_it", "tint", "hat"):
        assert evidence.belongs(factor, "style") and not evidence.belongs(factor, "content")
    assert evidence.belongs("identity", "content") and not evidence.belongs("identity", "style")
