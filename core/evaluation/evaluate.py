"""Measuring an attached model on a data set with every metric there is."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unbraid.core.catalogue import config_for
from unbraid.core.errors import CapabilityError, ConfigError, MissingDependencyError, ProtocolError, UnbraidError
from unbraid.core.evaluation.evaluation import Evaluation
from unbraid.core.evaluation.evidence import Evidence
from unbraid.core.evaluation.figure import Figure
from unbraid.core.evaluation.gather import Modes, gather_evidence
from unbraid.core.evaluation.protocol import protocol_of
from unbraid.core.interfaces.dataset import Dataset
from unbraid.core.latents import LatentMode, Latents, encode_dataset
from unbraid.core.threads import threads
from unbraid.registry import Entry, MetricSpec, get_registry, import_target

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel

log = logging.getLogger("unbraid")

#: Names of metrics, or names with settings.
Metrics = Sequence[str] | Mapping[str, Mapping[str, Any]]


def evaluate(
    model: "AttachedModel",
    dataset: Dataset,
    *,
    seed: int = 0,
    metrics: Metrics | None = None,
    episodes: int = 1000,
    latents: Latents | None = None,
    cache: str | Path | None = None,
    latent_mode: LatentMode = "mean",
    factor_mode: LatentMode = "mean",
) -> Evaluation:
    """Measure how far the factors came apart, with the head in evaluation mode and factors computed once a sample.

    Args:
        model: an attached model; its head may be of any method.
        dataset: labels and splits say what is unseen.
        seed: of episodes, attackers, swaps and the untrained head the figures are compared with.
        metrics: names of metrics, or name -> settings; None takes every metric there is.
        episodes: few-shot episodes.
        latents: of all rows of the data set, where they were encoded before.
        cache: folder of the latent cache; read or made.
        latent_mode: `mean` or `sample` of the backbone's posterior.
        factor_mode: `mean` or `sample` of the head's factors.

    Returns:
        Figures; what cannot be measured here is there as not applicable, with the reason.

    Raises:
        UnknownNameError: no metric has that name.
        ConfigError: a setting is unknown or of the wrong type.
        ProtocolError: the data set has no training rows.
    """
    chosen = _chosen(metrics)
    if episodes < 1:
        raise ConfigError("an evaluation needs episodes", expected="episodes >= 1", found=episodes)
    if latents is None:
        latents = encode_dataset(model.backbone, dataset, cache=cache, device=str(model.device))
    if len(latents) != len(dataset):
        raise ProtocolError("latents do not match the data set", expected=f"{len(dataset)} rows", found=len(latents))
    with threads(1):
        modes = Modes(latent=latent_mode, factor=factor_mode)
        evidence = gather_evidence(model, dataset, latents, seed=seed, episodes=episodes, modes=modes)
        figures, failures = measure(evidence, chosen, _capabilities(model))
    names = {entry.name: settings for entry, settings in chosen}
    protocol = protocol_of(model, dataset, evidence, modes) | {"latent_precision": latents.precision, "metrics": names}
    return Evaluation(figures=tuple(figures), failures=failures, protocol=protocol)


def measure(
    evidence: Evidence,
    metrics: Sequence[tuple[Entry[MetricSpec], Mapping[str, Any]]],
    capabilities: frozenset[str],
) -> tuple[list[Figure], dict[str, str]]:
    """Run metrics over evidence.

    Args:
        evidence: the arrays.
        metrics: entries of the registry, each with its settings.
        capabilities: of head and backbone.

    Returns:
        Figures, and metric -> error of the metrics that broke.
    """
    figures: list[Figure] = []
    failures: dict[str, str] = {}
    for entry, settings in metrics:
        try:
            figures += _measure_one(evidence, entry, settings, capabilities)
        except (ProtocolError, CapabilityError, MissingDependencyError) as error:
            figures.append(Figure.absent(entry.name, str(error), summary=entry.spec.summary))
        except UnbraidError as error:
            failures[entry.name] = f"{type(error).__name__}: {error}"
        except Exception as error:
            log.exception("metric %s of %s broke", entry.name, entry.label)
            failures[entry.name] = f"{type(error).__name__}: {error}"
    return figures, failures


def _measure_one(
    evidence: Evidence, entry: Entry[MetricSpec], settings: Mapping[str, Any], capabilities: frozenset[str]
) -> Sequence[Figure]:
    missing = sorted(entry.spec.needs - capabilities)
    if missing:
        raise CapabilityError(
            f"head or backbone cannot {' or '.join(missing)}",
            expected=f"capability {', '.join(missing)}",
            found=", ".join(sorted(capabilities)) or "none",
        )
    target = import_target(entry)
    config = config_for(entry, settings)
    found: Sequence[Figure] = target(evidence) if config is None else target(evidence, config)
    return found


def _chosen(metrics: Metrics | None) -> list[tuple[Entry[MetricSpec], Mapping[str, Any]]]:
    registry = get_registry()
    names = registry.metrics() if metrics is None else metrics
    settings = metrics if isinstance(metrics, Mapping) else {}
    chosen = [(registry.resolve("metric", name), settings.get(name) or {}) for name in names]
    for entry, values in chosen:
        if values:
            config_for(entry, values)  # a typo in settings is found before the work
    return chosen


def _capabilities(model: "AttachedModel") -> frozenset[str]:
    return model.head.capabilities | model.backbone.info.capabilities
