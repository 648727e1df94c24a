"""Training a VAE on the training classes of a data set."""

from dataclasses import replace
from pathlib import Path

from unbraid.adapters.backbones.vae.artefact import save_weights
from unbraid.adapters.backbones.vae.config import Architecture, PretrainConfig, VAEConfig
from unbraid.adapters.backbones.vae.losses import EvidenceBound
from unbraid.adapters.backbones.vae.model import VAE, build_vae
from unbraid.core.backbone_training import (
    check_fit,
    held_out_rows,
    picture_spec,
    pictures_of,
    reconstruction_of,
    train_in_phases,
    training_rows,
)
from unbraid.core.config import config_to_dict
from unbraid.core.device import resolve_device
from unbraid.core.interfaces import Dataset, Objective, OptimiserSpec, Samples
from unbraid.core.training import FitSettings

STEPS = 5000


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
    pictures = pictures_of(dataset, resolve_device(settings.device))
    vae = build_vae(architecture, fit.seed).to(pictures.device)
    train_in_phases(
        vae,
        lambda share: [_objective(vae, settings, settings.lr * share)],
        pictures.subset(training_rows(dataset)),
        settle=settings.settle,
        fit=replace(fit, steps=STEPS if fit.steps is None else fit.steps),
        monitor=reconstruction_of(lambda x: vae.encoder(x).mean, vae.decoder, pictures.subset(held_out_rows(dataset))),
        out=out,
        resume=resume,
        identity={"architecture": config_to_dict(architecture), "pretrain": config_to_dict(settings)},
    )
    save_weights(vae, out / "weights", trained_on=f"{dataset.name}:train")
    return out / "weights"


def _architecture(config: VAEConfig, dataset: Dataset) -> Architecture:
    spec = picture_spec("vae", dataset, weights=config.weights)
    asked = replace(config, channels=config.channels or spec.channels, size=config.size or spec.height)
    architecture = asked.architecture()
    check_fit("vae", spec, channels=architecture.channels, size=architecture.size)
    return architecture


def _objective(vae: VAE, settings: PretrainConfig, lr: float) -> Objective:
    return Objective(
        name="elbo",
        loss=EvidenceBound(vae, settings),
        batch={"pictures": Samples(settings.batch_size)},
        updates=[vae],
        optimiser=OptimiserSpec("adam", lr=lr),
    )
