"""Evidence with everything a metric may ask for, from a toy method on a toy backbone."""

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch

import unbraid
from unbraid.core.evaluation import Evidence, Population
from unbraid.core.evaluation.gather import Modes, gather_evidence
from unbraid.core.latents import encode_dataset
from unbraid.registry import DisentanglerSpec, use_registry
from unbraid.registry.conformance.held import DISTRIBUTION, hold, registry_with
from unbraid.registry.conformance.toys.backbones import toy_backbone
from unbraid.registry.conformance.toys.dataset import toy_dataset
from unbraid.registry.conformance.toys.method import ToyConfig, ToyMethod

EPISODES = 20


def toy_evidence(seed: int = 0) -> Evidence:
    """Make evidence of a trained and an untrained head: factors, labels, known factors, pictures, all functions.

    Args:
        seed: of what a metric draws.

    Returns:
        The same arrays each time; nothing that metrics share is in it yet.
    """
    return _with_populations(dataclasses.replace(_evidence(), seed=seed), _copied)


def without_labels(evidence: Evidence) -> Evidence:
    """Give the same evidence of a data set that nobody labelled."""
    return _with_populations(
        evidence, lambda each: {"labels": {role: np.full_like(v, -1) for role, v in each.labels.items()}, "known": {}}
    )


def without_functions(evidence: Evidence) -> Evidence:
    """Give the same arrays without head, backbone, pictures or untrained head."""
    names = ("entangle", "random_entangle", "decode", "encode", "images", "score", "disentangle", "random_disentangle")
    bare = dataclasses.replace(evidence, **dict.fromkeys(names), no_random_head="arrays alone")  # type: ignore[arg-type]
    return _with_populations(bare, lambda _: {"random_factors": {}})


def one_row(evidence: Evidence) -> Evidence:
    """Give the same evidence with a single sample in each population."""
    populations = {}
    for name, each in evidence.populations.items():
        first = slice(0, 1)
        populations[name] = dataclasses.replace(
            each,
            rows=each.rows[first],
            z=each.z[first],
            labels={role: values[first] for role, values in each.labels.items()},
            factors={factor: values[first] for factor, values in each.factors.items()},
            random_factors={factor: values[first] for factor, values in each.random_factors.items()},
            known={factor: values[first] for factor, values in each.known.items()},
        )
    return dataclasses.replace(evidence, populations=populations)


def _copied(population: Population) -> dict[str, Any]:
    groups = ("labels", "factors", "random_factors", "known")
    copies = {group: {name: values.copy() for name, values in getattr(population, group).items()} for group in groups}
    return {"z": population.z.copy(), "rows": population.rows.copy(), **copies}


def _with_populations(evidence: Evidence, change: Callable[[Population], dict[str, Any]]) -> Evidence:
    populations = {name: dataclasses.replace(each, **change(each)) for name, each in evidence.populations.items()}
    return dataclasses.replace(evidence, populations=populations)


@cache
def _evidence() -> Evidence:
    data = toy_dataset()
    data = dataclasses.replace(data, factors={"pattern": data.labels["content"], "ramp": data.labels["style"]})
    spec = DisentanglerSpec(name="toy", target=hold(ToyMethod), config=hold(ToyConfig), summary="the toy method")
    with use_registry(registry_with(spec)):
        model = unbraid.attach(f"{DISTRIBUTION}:toy", toy_backbone("vector"), device="cpu")
        model.fit(data, steps=30, quiet=True)
        latents = encode_dataset(model.backbone, data, device="cpu")
        with torch.random.fork_rng(devices=[]):
            return gather_evidence(model, data, latents, seed=0, episodes=EPISODES, modes=Modes())
