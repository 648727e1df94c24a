"""What `fit` does around the engine: encode once, prepare, train, finish, and check that the backbone did not move."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from unbraid.core.attached.building import build_head
from unbraid.core.attached.seeding import seeded
from unbraid.core.attached.verbs import evaluating
from unbraid.core.config import build_config
from unbraid.core.errors import ConfigError, FrozenError, LabelError
from unbraid.core.freezing import FrozenGuard
from unbraid.core.interfaces import DEFAULT_DOMAIN, Dataset, Disentangler, LabelSpec, Objective
from unbraid.core.latents import Latents, encode_dataset
from unbraid.core.training import (
    FitSettings,
    Monitor,
    ObjectiveRunner,
    TrainResult,
    few_shot_monitor,
    loss_monitor,
    reconstruction_monitor,
    train,
)

if TYPE_CHECKING:
    from unbraid.core.attached.model import AttachedModel

log = logging.getLogger("unbraid")

MonitorMaker = Callable[[Sequence[ObjectiveRunner]], Monitor]


def fit(
    model: "AttachedModel",
    data: Dataset | Mapping[str, Dataset],
    *,
    out: str | Path | None = None,
    resume: bool = False,
    cache: str | Path | None = None,
    latents: Latents | Mapping[str, Latents] | None = None,
    **settings: Any,
) -> TrainResult:
    """Train the head of a model; see `AttachedModel.fit`."""
    datasets = data if isinstance(data, Mapping) else {DEFAULT_DOMAIN: data}
    _check_domains(model, datasets)
    _check_classes(model, datasets)
    chosen = build_config(FitSettings, {"seed": model.seed, **settings}, where="fit")
    with ExitStack() as guards:
        for backbone in model.backbones.values():
            guards.callback(FrozenGuard(backbone).verify)  # also when the block raises
        encoded = _encode(model, datasets, latents, cache, chosen)
        _build_deferred(model, datasets)
        result = _train(model, datasets, encoded, chosen, Path(out) if out else None, resume)
    return result


def training_rows(model: "AttachedModel", dataset: Dataset) -> npt.NDArray[np.int64]:
    """Give the rows a method trains on: training classes of content, style and attributes.

    A method that learns from partial labels gets rows whose content has none as well. One whose network depends on the
    number of classes must see every class, so it leaves out samples instead.
    """
    rows = dataset.training_rows(unlabelled=model.method.spec.supervision == "partial")
    return _closed_part(dataset, rows, 0) if model.method.spec.needs_classes else rows


def validation_rows(model: "AttachedModel", dataset: Dataset) -> npt.NDArray[np.int64]:
    """Give the rows "best" and early stopping look at: validation contents in styles and attributes not for testing."""
    if model.method.spec.needs_classes:
        return _closed_part(dataset, dataset.training_rows(), 1)
    return np.setdiff1d(dataset.rows(content="validation"), dataset.test_rows())


def _closed_part(dataset: Dataset, rows: npt.NDArray[np.int64], part: int) -> npt.NDArray[np.int64]:
    kept: npt.NDArray[np.int64] = rows[dataset.closed_set()[rows] == part]
    return kept


def _train(
    model: "AttachedModel",
    datasets: Mapping[str, Dataset],
    encoded: Mapping[str, Latents],
    settings: FitSettings,
    out: Path | None,
    resume: bool,
) -> TrainResult:
    head = model.head
    sources = {name: _subset(encoded[name], training_rows(model, data)) for name, data in datasets.items()}
    held_out = {name: _subset(encoded[name], validation_rows(model, data)) for name, data in datasets.items()}
    with evaluating(head), seeded(settings.seed, "prepare"):
        head.prepare(sources)
    objectives = list(head.objectives(model.backbones))
    _check_objectives(model, objectives)
    result = train(
        head,
        objectives,
        sources,
        replace(settings, steps=head.steps if settings.steps is None else settings.steps),
        monitor=_monitor(head, objectives, held_out, settings.seed) if objectives else None,
        out=out,
        resume=resume,
        identity=_identity(model, datasets, sources, settings),
    )
    with evaluating(head), seeded(settings.seed, "finish"):
        head.finish(sources)
    head.eval()
    return result


def _encode(
    model: "AttachedModel",
    datasets: Mapping[str, Dataset],
    latents: Latents | Mapping[str, Latents] | None,
    cache: str | Path | None,
    settings: FitSettings,
) -> dict[str, Latents]:
    if latents is None:
        folder = Path(cache) if cache else None
        latents = {
            name: encode_dataset(
                model.backbones[name],
                data,
                cache=folder / name if folder and len(datasets) > 1 else folder,
                device=str(model.device),
            )
            for name, data in datasets.items()
        }
    named = {DEFAULT_DOMAIN: latents} if isinstance(latents, Latents) else latents
    return {name: each.to(model.device).with_mode(settings.latent_mode) for name, each in named.items()}


def _subset(latents: Latents, rows: npt.NDArray[np.int64]) -> Latents:
    return latents.subset(torch.from_numpy(rows))


def _build_deferred(model: "AttachedModel", datasets: Mapping[str, Dataset]) -> None:
    """Build a head that had to wait for the number of classes; domains share their classes."""
    labels = next(iter(datasets.values())).label_specs
    if model.network is None:
        specs = {name: backbone.info.latent for name, backbone in model.backbones.items()}
        model.network = build_head(model.method, specs, labels, model.seed).to(model.device)
    elif model.method.spec.needs_classes and model.labels and model.labels != labels:
        raise LabelError(
            f"the network of {model.method.name} was built for other classes",
            expected=_describe_labels(model.labels),
            found=_describe_labels(labels),
            hint="attach the method anew for these data",
        )
    model.labels = labels


def _describe_labels(labels: Mapping[str, LabelSpec]) -> str:
    return ", ".join(f"{spec.count} classes of {spec.name}" for spec in labels.values())


def _monitor(
    head: Disentangler, objectives: Sequence[Objective], held_out: Mapping[str, Latents], seed: int
) -> MonitorMaker | None:
    """Make what the head wants watched; without the rows for it, nothing is watched and the last weights are kept."""
    try:
        if not all(len(latents) for latents in held_out.values()):
            raise LabelError(
                "there are no validation rows", expected="validation classes in every domain", found="none"
            )
        match head.monitor:
            case "none":
                return None
            case "few_shot":
                monitor = few_shot_monitor(head, held_out, seed)
            case "reconstruction":
                monitor = reconstruction_monitor(head, held_out)
            case "loss":
                device = next(iter(held_out.values())).device
                monitor = loss_monitor([ObjectiveRunner(o, held_out, device) for o in objectives], seed)
            case other:
                raise ConfigError(
                    f"{type(head).__name__} names an unknown monitor",
                    expected="loss, few_shot, reconstruction or none",
                    found=other,
                )
    except LabelError as error:
        log.warning("no early stopping and no best weights: %s", error)
        return None
    return lambda runners: monitor


def _check_domains(model: "AttachedModel", datasets: Mapping[str, Dataset]) -> None:
    if set(datasets) != set(model.backbones):
        raise ConfigError(
            "data sets and backbones do not match",
            expected=f"a data set for each of {', '.join(model.backbones)}",
            found=", ".join(datasets),
        )


def _check_classes(model: "AttachedModel", datasets: Mapping[str, Dataset]) -> None:
    """Where one network knows the classes of several domains, they must be the same, and none without rows."""
    if not model.method.spec.needs_classes or len(datasets) < 2:
        return
    (first, spec), *_ = ((name, data.content) for name, data in datasets.items())
    for name, data in datasets.items():
        if data.content.classes != spec.classes:
            raise LabelError(
                f"{model.method.name} joins domains with the same classes",
                expected=f"{_shortened(spec.classes)} in each, as in {first}",
                found=f"{_shortened(data.content.classes)} in {name}",
                hint="give both data sets the same list of classes, in one order",
            )
    known = {name: set(data.labels["content"][training_rows(model, data)]) - {-1} for name, data in datasets.items()}
    for name, classes in known.items():
        lacking = sorted(set().union(*known.values()) - classes)
        if lacking:
            raise LabelError(
                f"{model.method.name} joins domains with the same classes, and {name} has no rows of some to train on",
                expected=f"rows of {_shortened([spec.classes[c] for c in sorted(classes.union(lacking))])} in each",
                found=f"none of {_shortened([spec.classes[c] for c in lacking])} in {name}",
                hint="leave these classes out of the other domain, or label some rows of them",
            )


def _shortened(classes: Sequence[str]) -> str:
    shown = ", ".join(classes[:5])
    return f"{len(classes)} classes ({shown}{', ...' if len(classes) > 5 else ''})"


def _check_objectives(model: "AttachedModel", objectives: Sequence[Objective]) -> None:
    """No objective may move a backbone, not even one that unfroze it."""
    frozen = {id(p): name for name, b in model.backbones.items() for p in b.parameters()}
    for objective in objectives:
        taken = [frozen[id(p)] for module in objective.updates for p in module.parameters() if id(p) in frozen]
        if taken:
            raise FrozenError(
                f"objective {objective.name!r} would move the frozen backbone",
                expected="`updates` to hold modules of the head alone",
                found=f"parameters of backbone {taken[0]!r}",
                hint="tell the author of the method",
            )


def _identity(
    model: "AttachedModel", datasets: Mapping[str, Dataset], latents: Mapping[str, Latents], settings: FitSettings
) -> dict[str, Any]:
    reduced = {name: each.precision for name, each in latents.items() if each.precision != "float32"}
    return {
        "method": model.method.describe(),
        "backbones": {name: backbone.fingerprint for name, backbone in model.backbones.items()},
        "data": {name: data.fingerprint for name, data in datasets.items()},
        "latent_mode": settings.latent_mode,
        "threads": settings.threads,
        **({"precision": reduced} if reduced else {}),
    }
