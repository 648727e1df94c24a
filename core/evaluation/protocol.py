"""What an evaluation says about itself, so that it can be judged and repeated."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from unbraid.core.evaluation.evidence import Evidence
from unbraid.core.evaluation.gather import Modes, describe_populations
from unbraid.core.interfaces.backbone import BackboneInfo
from unbraid.core.interfaces.dataset import Dataset

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel

_PACKAGES = ("unbraid", "torch", "numpy")


def protocol_of(model: "AttachedModel", dataset: Dataset, evidence: Evidence, modes: Modes) -> dict[str, Any]:
    """Describe data, splits, seeds, modes, head, backbone and versions; JSON values."""
    info = model.backbone.info
    return {
        "dataset": {"name": dataset.name, "fingerprint": dataset.fingerprint, "notes": dataset.notes},
        "labels": {role: spec.name for role, spec in dataset.label_specs.items()},
        "populations": describe_populations(evidence),
        "seed": evidence.seed,
        "episodes": evidence.episodes,
        "latent_mode": modes.latent,
        "factor_mode": modes.factor,
        "method": model.method.describe(),
        "factors": [{"name": f.name, "role": f.role, "width": f.width} for f in model.head.factors],
        "backbone": {
            "adapter": info.adapter,
            "fingerprint": model.backbone.fingerprint,
            "trained_on": info.trained_on or "unknown",
            "source": info.source,
        },
        "backbone_saw_test_classes": saw_test_classes(info, dataset),
        "random_head": evidence.no_random_head or "the same configuration, untrained, prepared on the training latents",
        "device": str(evidence.device),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
    }


def saw_test_classes(info: BackboneInfo, dataset: Dataset) -> str:
    """Say whether the backbone was trained on the test classes: `yes`, `no`, or `unknown` with what is known.

    >>> from unbraid.core.interfaces import ImageSpec, LatentSpec
    >>> class Glyphs: name = "glyphs"
    >>> def info(trained_on):
    ...     return BackboneInfo(adapter="vae", input=ImageSpec(1, 28, 28), latent=LatentSpec((8,)), trained_on=trained_on)
    >>> [saw_test_classes(info(what), Glyphs) for what in ("glyphs:train", "glyphs:all", "")]
    ['no', 'yes', 'unknown']
    """
    name, _, split = info.trained_on.rpartition(":")
    if not info.trained_on:
        return "unknown"
    if name != dataset.name:
        return f"unknown (trained on {info.trained_on})"
    return "no" if split in ("train", "validation") else "yes"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
