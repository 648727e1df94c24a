"""From an attached model and a data set to the evidence metrics look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from unbraid.core.evaluation.evidence import POPULATIONS, Array, Evidence, Factors, Ints, Population
from unbraid.core.evaluation.head_functions import Decoding, Encoding, HeadFunctions, Scaling
from unbraid.core.interfaces.dataset import Dataset, Split
from unbraid.core.interfaces.disentangler import Disentangler
from unbraid.core.interfaces.draws import Draws
from unbraid.core.latents import LatentMode, Latents

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel

_SPLITS: Mapping[str, Mapping[str, Split]] = {
    "train": {"content": "train", "style": "train"},
    "unseen_content": {"content": "test", "style": "train"},
    "unseen_style": {"content": "train", "style": "test"},
    "unseen_both": {"content": "test", "style": "test"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Modes:
    """Whether latents and factors are means or samples."""

    latent: LatentMode = "mean"
    factor: LatentMode = "mean"


def population_rows(model: "AttachedModel", dataset: Dataset) -> dict[str, Ints]:
    """Give the rows of each population that has any; without style labels nothing is said of styles.

    A method whose network depends on the number of classes sees all training classes; what it has not seen are the
    test samples of the closed split, population `held_out`.
    """
    from unbraid.core.attached.fitting import training_rows

    names = [name for name in _SPLITS if dataset.style or "style" not in name]
    seen: dict[str, Split] = dict.fromkeys(dataset.attributes, "train")
    rows = {name: dataset.rows(**seen, **_SPLITS[name]) for name in names if dataset.style or name != "unseen_both"}
    rows["train"] = np.intersect1d(training_rows(model, dataset), dataset.training_rows())  # figures need labels
    if model.method.spec.needs_classes:
        known = dataset.training_rows()
        rows["held_out"] = known[dataset.closed_set()[known] == 2]
    return {name: found for name, found in rows.items() if len(found)}


def gather_evidence(
    model: "AttachedModel", dataset: Dataset, latents: Latents, *, seed: int, episodes: int, modes: Modes
) -> Evidence:
    """Compute factors once a sample, of the head and of an untrained one, and wrap what the head can do.

    Args:
        model: the head is put in evaluation mode meanwhile.
        dataset: labels, splits and pictures.
        latents: of all rows of the data set.
        seed: of the untrained head and of everything metrics draw.
        episodes: few-shot episodes.
        modes: means or samples.
    """
    rows = population_rows(model, dataset)
    latents = latents.to(model.device).with_mode(modes.latent)
    training = latents.subset(torch.from_numpy(rows["train"]))
    scaling = Scaling.of(training)
    head = HeadFunctions(model.head, scaling, model.device, modes.factor, seed)
    untrained, reason = _untrained(model, training, seed)
    random = None if untrained is None else HeadFunctions(untrained, scaling, model.device, modes.factor, seed)
    populations = {
        name: _population(name, found, dataset, scaling.flat(_read(latents, found, name, seed)), head, random)
        for name, found in rows.items()
    }
    redraw = _Redraw(populations, head, random) if modes.factor == "sample" else None
    return Evidence(
        populations=populations,
        roles={factor.name: factor.role for factor in model.head.factors},
        trained_on={factor.name: factor.label for factor in model.head.factors if factor.label is not None},
        seed=seed,
        episodes=episodes,
        device=model.device,
        no_random_head=reason,
        redraw=redraw,
        **_functions(model, dataset, scaling, head, random),
    )


def _functions(
    model: "AttachedModel", dataset: Dataset, scaling: Scaling, head: HeadFunctions, random: HeadFunctions | None
) -> dict[str, Any]:
    can = model.head.capabilities
    decodes = "decode" in model.backbone.info.capabilities
    return {
        "disentangle": _Again(head),
        "random_disentangle": _Again(random) if random else None,
        "entangle": head.entangle if "entangle" in can else None,
        "random_entangle": random.entangle if random and "entangle" in can else None,
        "score": head.score if "score" in can else None,
        "decode": Decoding(model.backbone, scaling, model.device) if decodes else None,
        "encode": Encoding(model.backbone, scaling, model.device),
        "images": _Pictures(dataset),
    }


def _population(
    name: str, rows: Ints, dataset: Dataset, z: Array, head: HeadFunctions, random: HeadFunctions | None
) -> Population:
    untrained: Factors = random.disentangle(z, name) if random else {}
    return Population(
        name=name,
        rows=rows,
        z=z,
        labels={role: dataset.labels[role][rows] for role in dataset.label_specs},
        factors=head.disentangle(z, name),
        random_factors=untrained,
        known={factor: values[rows] for factor, values in dataset.factors.items()},
    )


def _read(latents: Latents, rows: Ints, name: str, seed: int) -> Array:
    draws = Draws(seed, f"evaluation/latents/{name}", 0, latents.device)
    z: Array = latents.gather(torch.from_numpy(rows).to(latents.device), draws).cpu().numpy()
    return z


def _untrained(model: "AttachedModel", training: Latents, seed: int) -> tuple[Disentangler | None, str]:
    """Give the untrained head, or say why there is none to compare with."""
    random = model.random_head(training, seed)
    trained = model.head.head_state()
    same = all(torch.equal(tensor, trained[name]) for name, tensor in random.head_state().items() if name in trained)
    if same:
        return None, "the untrained head is the same: this method does not train"
    return random, ""


@dataclass(frozen=True, slots=True)
class _Again:
    """Disentangling anything a second time, say what was entangled."""

    head: HeadFunctions

    def __call__(self, rows: Array) -> Factors:
        return self.head.disentangle(rows, "again")


@dataclass(frozen=True, slots=True)
class _Redraw:
    """Fresh samples of the factors of a population, of both heads."""

    populations: Mapping[str, Population]
    head: HeadFunctions
    random: HeadFunctions | None

    def __call__(self, name: str, draw: int) -> tuple[Factors, Factors]:
        stream, z = f"{name}/{draw}" if draw else name, self.populations[name].z
        return self.head.disentangle(z, stream), self.random.disentangle(z, stream) if self.random else {}


@dataclass(frozen=True, slots=True)
class _Pictures:
    """Rows of a data set as images in [0, 1]."""

    dataset: Dataset

    def __call__(self, rows: Ints) -> Array:
        return self.dataset.images[rows].astype(np.float32) / 255


def describe_populations(evidence: Evidence) -> dict[str, dict[str, Any]]:
    """Give size and meaning of each population as JSON values."""
    return {
        name: {
            "is": POPULATIONS[name],
            "samples": len(population),
            **{f"{role}s": len(np.unique(labels[labels >= 0])) for role, labels in population.labels.items()},
        }
        for name, population in evidence.populations.items()
    }
