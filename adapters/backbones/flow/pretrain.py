"""Training a flow on the training classes of a data set."""

from dataclasses import replace
from pathlib import Path

import torch

from unbraid.adapters.backbones.flow.config import Architecture, FlowConfig, PretrainConfig
from unbraid.adapters.backbones.flow.losses import Likelihood, bits
from unbraid.adapters.backbones.flow.model import Flow, build_flow
from unbraid.core.backbone_training import (
    LOOK,
    check_fit,
    held_out_rows,
    picture_spec,
    pictures_of,
    train_in_phases,
    training_rows,
)
from unbraid.core.config import config_to_dict
from unbraid.core.device import resolve_device
from unbraid.core.interfaces import Dataset, Objective, OptimiserSpec, Samples
from unbraid.core.latents import Latents
from unbraid.core.training import FitSettings, Monitor
from unbraid.core.weights import Weights, save_weights

STEPS = 5000
#: Pictures the scales and shifts start from.
START_FROM = 256


def pretrain(
    config: FlowConfig,
    dataset: Dataset,
    out: Path,
    *,
    settings: PretrainConfig,
    fit: FitSettings,
    resume: bool = False,
) -> Path:
    """Train by maximum likelihood on the pictures whose labels are all for training, and write the weights.

    The weights kept are those with the fewest bits a pixel on the other training and validation classes.

    Args:
        config: the architecture; size and channels that are not set are those of the pictures.
        dataset: what it is trained on.
        out: run folder; checkpoints go to `first` and `last` in it, the result to `weights`.
        settings: of the training.
        fit: length and seed.
        resume: go on with the run in `out`.

    Returns:
        The folder of the weights.

    Raises:
        ConfigError: the config names weights, or another size than that of the pictures.
        DataError: there are no pictures for training, or they are not square.
    """
    architecture = _architecture(config, dataset)
    pictures = pictures_of(dataset, resolve_device(settings.device))
    seen = pictures.subset(training_rows(dataset))
    flow = build_flow(architecture, fit.seed).to(pictures.device)
    flow.start_from(seen.gather(torch.arange(min(START_FROM, len(seen)), device=seen.device)))
    train_in_phases(
        flow,
        lambda share: [_objective(flow, settings, settings.lr * share)],
        seen,
        settle=settings.settle,
        fit=replace(fit, steps=STEPS if fit.steps is None else fit.steps),
        monitor=_monitor(flow, pictures.subset(held_out_rows(dataset))),
        out=out,
        resume=resume,
        identity={"architecture": config_to_dict(architecture), "pretrain": config_to_dict(settings)},
    )
    weights = Weights(
        adapter="flow",
        tensors=flow.state_dict(),
        architecture=config_to_dict(architecture),
        source="unbraid pretrain",
        trained_on=f"{dataset.name}:train",
    )
    return save_weights(weights, out / "weights")


def _architecture(config: FlowConfig, dataset: Dataset) -> Architecture:
    spec = picture_spec("flow", dataset, weights=config.weights)
    asked = replace(config, channels=config.channels or spec.channels, size=config.size or spec.height)
    architecture = asked.architecture()
    check_fit("flow", spec, channels=architecture.channels, size=architecture.size)
    return architecture


def _objective(flow: Flow, settings: PretrainConfig, lr: float) -> Objective:
    return Objective(
        name="likelihood",
        loss=Likelihood(flow),
        batch={"pictures": Samples(settings.batch_size)},
        updates=[flow],
        optimiser=OptimiserSpec("adam", lr=lr),
    )


def _monitor(flow: Flow, held_out: Latents) -> Monitor:
    def measure() -> float:
        return float(sum(bits(flow, x).double().sum() for x in held_out.chunks(LOOK)) / len(held_out))

    return Monitor("bits", False, measure)
