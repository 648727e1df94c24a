"""Training a VAE on the training classes of a data set."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from unbraid.adapters.backbones.vae.artefact import save_weights
from unbraid.adapters.backbones.vae.config import Architecture, PretrainConfig, VAEConfig
from unbraid.adapters.backbones.vae.losses import EvidenceBound
from unbraid.adapters.backbones.vae.model import VAE, build_vae
from unbraid.core.config import config_to_dict
from unbraid.core.device import resolve_device
from unbraid.core.errors import ConfigError, DataError
from unbraid.core.interfaces import DEFAULT_DOMAIN, Dataset, LatentSpec, Objective, OptimiserSpec, Samples
from unbraid.core.latents import Latents
from unbraid.core.training import FitSettings, Monitor, train

STEPS = 5000
#: The learning rate of the last part of the run, as a share of that of the first.
COOLED = 0.1


def pretrain(
    config: VAEConfig,
    dataset: Dataset,
    out: Path,
    *,
    settings: PretrainConfig,
    fit: FitSettings,
    resume: bool = False,
) -> Path:
    """Train a VAE on the pictures whose content and style are both for training, and write its weights.

    The weights kept are those with the smallest reconstruction error on the other training and validation classes.

    Args:
        config: the architecture; size and channels that are not set are those of the pictures.
        dataset: what it is trained on.
        out: run folder; checkpoints go to `first` and `last` in it, the result to `weights`.
        settings: of the loss.
        fit: length and seed.
        resume: go on with the run in `out`.

    Returns:
        The folder of the weights.

    Raises:
        ConfigError: the config names weights, or another size than that of the pictures.
        DataError: there are no pictures for training.
    """
    architecture = _architecture(config, dataset)
    device = resolve_device(settings.device)
    pictures = _pictures(dataset, device)
    vae = build_vae(architecture, fit.seed).to(device)
    steps = STEPS if fit.steps is None else fit.steps
    settled = round(steps * settings.settle)
    phases = [("first", steps - settled, settings.lr), ("last", settled, settings.lr * COOLED)]
    for name, length, lr in phases:
        train(
            vae,
            [_objective(vae, replace(settings, lr=lr))],
            {DEFAULT_DOMAIN: pictures.subset(_rows(dataset, training=True))},
            replace(fit, steps=length),
            monitor=lambda _: _monitor(vae, pictures.subset(_rows(dataset, training=False))),
            out=out / name,
            resume=resume,
            identity={
                "architecture": config_to_dict(architecture),
                "pretrain": config_to_dict(settings),
                "phase": name,
            },
        )
    save_weights(vae, out / "weights", trained_on=f"{dataset.name}:train")
    return out / "weights"


def _architecture(config: VAEConfig, dataset: Dataset) -> Architecture:
    if config.weights is not None:
        raise ConfigError("vae: pretraining starts from nothing", expected="no weights", found=config.weights)
    spec = dataset.image_spec
    if spec.height != spec.width:
        raise DataError("vae: the pictures must be square", expected="S x S", found=str(spec))
    asked = replace(config, channels=config.channels or spec.channels, size=config.size or spec.height)
    architecture = asked.architecture()
    if (architecture.channels, architecture.size) != (spec.channels, spec.height):
        raise ConfigError(
            "vae: the architecture does not fit the pictures",
            expected=f"channels {spec.channels}, size {spec.height}",
            found=f"channels {architecture.channels}, size {architecture.size}",
            hint="leave both out, or load the data set in another size",
        )
    return architecture


def _pictures(dataset: Dataset, device: torch.device) -> Latents:
    """Give all pictures as latents that are the pixels themselves, kept as bytes."""
    stored = torch.from_numpy(np.array(dataset.images[np.arange(len(dataset))]))
    labels = {role: torch.from_numpy(np.array(labels)) for role, labels in dataset.labels.items()}
    spec = LatentSpec(tuple(stored.shape[1:]), storage="uint8")
    classes = {role: label.count for role, label in dataset.label_specs.items()}
    return Latents(mean=stored, log_variance=None, labels=labels, spec=spec, classes=classes).to(device)


def _rows(dataset: Dataset, *, training: bool) -> torch.Tensor:
    """Give the rows for training, or those of validation: no test class, and not in training."""
    seen = dataset.rows(content="train", style="train")
    if training:
        if not len(seen):
            raise DataError(f"{dataset.name} has no pictures to train on", expected="training classes", found="none")
        return torch.from_numpy(seen)
    tested = np.union1d(dataset.rows(content="test"), dataset.rows(style="test") if dataset.style else seen[:0])
    return torch.from_numpy(np.setdiff1d(np.arange(len(dataset)), np.union1d(seen, tested)))


def _objective(vae: VAE, settings: PretrainConfig) -> Objective:
    return Objective(
        name="elbo",
        loss=EvidenceBound(vae, settings),
        batch={"pictures": Samples(settings.batch_size)},
        updates=[vae],
        optimiser=OptimiserSpec("adam", lr=settings.lr),
    )


def _monitor(vae: VAE, held_out: Latents) -> Monitor:
    def measure() -> float:
        errors = sum((vae.decoder(vae.encoder(x).mean) - x).double().square().sum() for x in held_out.chunks())
        return float(errors / (held_out.moments()[1].sum() * len(held_out)))

    return Monitor("reconstruction", False, measure)
