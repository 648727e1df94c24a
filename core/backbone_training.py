"""What adapters that train a backbone share: pictures as latents, rows to train on and to look at, two phases."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unbraid.core.errors import ConfigError, DataError
from unbraid.core.interfaces import DEFAULT_DOMAIN, Dataset, ImageSpec, LatentSpec, Objective
from unbraid.core.latents import Latents
from unbraid.core.training import FitSettings, Monitor, train

#: The learning rate of the last part of a run, as a share of that of the first.
COOLED = 0.1
#: Pictures at a time in a look.
LOOK = 1024


def pictures_of(dataset: Dataset, device: torch.device) -> Latents:
    """Give all pictures as latents that are the pixels themselves, kept as bytes: `gather` gives floats in [0, 1]."""
    stored = torch.from_numpy(np.array(dataset.images[np.arange(len(dataset))]))
    labels = {role: torch.from_numpy(np.array(labels)) for role, labels in dataset.labels.items()}
    spec = LatentSpec(tuple(stored.shape[1:]), storage="uint8")
    classes = {role: label.count for role, label in dataset.label_specs.items()}
    return Latents(mean=stored, log_variance=None, labels=labels, spec=spec, classes=classes).to(device)


def training_rows(dataset: Dataset) -> Tensor:
    """Give the rows whose labels are all of training classes.

    Raises:
        DataError: there are none.
    """
    rows = dataset.training_rows()
    if not len(rows):
        raise DataError(f"{dataset.name} has no pictures to train on", expected="training classes", found="none")
    return torch.from_numpy(rows)


def held_out_rows(dataset: Dataset) -> Tensor:
    """Give the rows of validation: no label is of a test class, and not all are of training classes."""
    tested = dataset.test_rows()
    return torch.from_numpy(np.setdiff1d(np.arange(len(dataset)), np.union1d(dataset.training_rows(), tested)))


def picture_spec(adapter: str, dataset: Dataset, *, weights: str | None) -> ImageSpec:
    """Give the size of the pictures of a data set that a backbone can be trained on from nothing.

    Args:
        adapter: named in messages.
        dataset: what it is trained on.
        weights: as the config names them; there may be none.

    Raises:
        ConfigError: the config names weights.
        DataError: the pictures are not square.
    """
    if weights is not None:
        raise ConfigError(f"{adapter}: pretraining starts from nothing", expected="no weights", found=weights)
    spec = dataset.image_spec
    if spec.height != spec.width:
        raise DataError(f"{adapter}: the pictures must be square", expected="S x S", found=str(spec))
    return spec


def check_fit(adapter: str, spec: ImageSpec, *, channels: int, size: int) -> None:
    """Raise `ConfigError` where an architecture is for pictures of another size."""
    if (channels, size) != (spec.channels, spec.height):
        raise ConfigError(
            f"{adapter}: the architecture does not fit the pictures",
            expected=f"channels {spec.channels}, size {spec.height}",
            found=f"channels {channels}, size {size}",
            hint="leave both out, or load the data set in another size",
        )


def train_in_phases(
    module: nn.Module,
    objectives: Callable[[float], Sequence[Objective]],
    pictures: Latents,
    *,
    settle: float,
    fit: FitSettings,
    monitor: Monitor,
    out: Path,
    resume: bool,
    identity: Mapping[str, Any],
) -> None:
    """Train in two phases, `first` and then `last` at a tenth of the learning rate; each keeps its best weights.

    Args:
        module: holds everything that is trained.
        objectives: share of the learning rate -> the objectives of one step.
        pictures: the training rows.
        settle: share of the steps that the last phase has; none at 0.
        fit: length and seed of both together; `steps` must be a number.
        monitor: what is looked at.
        out: run folder; checkpoints go to `first` and `last` in it.
        resume: go on with the run in `out`.
        identity: JSON values that must be the same for a run to go on.

    Raises:
        ConfigError: `out` holds a run already and `resume` is False, or holds a different run.
        Interrupted: SIGINT or SIGTERM; the step was finished and saved.
        NonFiniteError: a loss was not finite.
    """
    assert fit.steps is not None
    settled = round(fit.steps * settle)
    for name, steps, share in (("first", fit.steps - settled, 1.0), ("last", settled, COOLED)):
        train(
            module,
            objectives(share),
            {DEFAULT_DOMAIN: pictures},
            replace(fit, steps=steps),
            monitor=lambda _: monitor,
            out=out / name,
            resume=resume,
            identity={**identity, "phase": name},
        )


def reconstruction_of(
    encode: Callable[[Tensor], Tensor], decode: Callable[[Tensor], Tensor], held_out: Latents
) -> Monitor:
    """Make a monitor of the squared error of pictures that are encoded and decoded, as a share of their variance."""

    def measure() -> float:
        errors = sum((decode(encode(x)) - x).double().square().sum() for x in held_out.chunks(LOOK))
        return float(errors / (held_out.moments()[1].sum() * len(held_out)))

    return Monitor("reconstruction", False, measure)
