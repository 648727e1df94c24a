"""Training ALI or BiGAN on the training classes of a data set."""

from dataclasses import replace
from pathlib import Path

import torch

from unbraid.adapters.backbones.ali.config import ALIConfig, Architecture, PretrainConfig
from unbraid.adapters.backbones.ali.losses import Game
from unbraid.adapters.backbones.ali.model import ALI, build_ali, start_from_mean
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
from unbraid.core.weights import Weights, save_weights

STEPS = 20_000
#: Pictures whose mean the decoder starts from.
MEAN_OF = 500


def pretrain(
    config: ALIConfig,
    dataset: Dataset,
    out: Path,
    *,
    settings: PretrainConfig,
    fit: FitSettings,
    resume: bool = False,
) -> Path:
    """Train on the pictures whose labels are all for training, and write the weights of encoder and decoder.

    One step moves the discriminator, then encoder and decoder, each by its own Adam and on its own batch. The weights
    kept are those with the smallest reconstruction error on the other training and validation classes.

    Args:
        config: the architecture; size and channels that are not set are those of the pictures.
        dataset: what it is trained on.
        out: run folder; checkpoints go to `first` and `last` in it, the result to `weights`.
        settings: of the game.
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
    ali = build_ali(architecture, fit.seed).to(pictures.device)
    start_from_mean(ali.decoder, seen.gather(torch.arange(min(MEAN_OF, len(seen)), device=seen.device)))
    train_in_phases(
        ali,
        lambda share: objectives(ali, settings, share),
        seen,
        settle=settings.settle,
        fit=replace(fit, steps=STEPS if fit.steps is None else fit.steps),
        monitor=reconstruction_of(lambda x: ali.encoder(x).mean, ali.decoder, pictures.subset(held_out_rows(dataset))),
        out=out,
        resume=resume,
        identity={
            "adapter": config.adapter,
            "architecture": config_to_dict(architecture),
            "pretrain": config_to_dict(settings),
        },
    )
    weights = Weights(
        adapter=config.adapter,
        tensors=ali.kept().state_dict(),
        architecture=config_to_dict(architecture),
        source="unbraid pretrain",
        trained_on=f"{dataset.name}:train",
    )
    return save_weights(weights, out / "weights")


def objectives(ali: ALI, settings: PretrainConfig, share: float = 1.0) -> list[Objective]:
    """Give the two objectives of a step: the discriminator's, then that of encoder and decoder.

    Args:
        ali: the players.
        settings: of the game.
        share: of the learning rates.
    """
    game = Game(ali, prior=ali.architecture.prior, reconstruction=settings.reconstruction)
    batch = {"pictures": Samples(settings.batch_size)}
    adam = OptimiserSpec("adam", lr=settings.lr * share, betas=settings.betas, weight_decay=settings.weight_decay)
    judging = replace(adam, lr=share * (settings.discriminator_lr or settings.lr))
    return [
        Objective(
            name="discriminator", loss=game.discriminating, batch=batch, updates=[ali.discriminator], optimiser=judging
        ),
        Objective(
            name="generator", loss=game.generating, batch=batch, updates=[ali.encoder, ali.decoder], optimiser=adam
        ),
    ]


def _architecture(config: ALIConfig, dataset: Dataset) -> Architecture:
    spec = picture_spec(config.adapter, dataset, weights=config.weights)
    size = config.size if config.table not in (None, "small") else config.size or spec.height
    architecture = replace(config, channels=config.channels or spec.channels, size=size).architecture()
    check_fit(config.adapter, spec, channels=architecture.channels, size=architecture.size)
    return architecture
