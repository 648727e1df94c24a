"""Training a decoder on the frozen features of the training pictures of a data set."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unbraid.adapters.backbones.decoded.adapter import DEFAULT_BASE, NAME, architecture_of, encoder_of
from unbraid.adapters.backbones.decoded.config import DecodedConfig, PretrainConfig
from unbraid.adapters.backbones.decoded.model import FeatureDecoder, build_decoder
from unbraid.core.backbone_training import held_out_rows, train_in_phases, training_rows
from unbraid.core.config import config_to_dict
from unbraid.core.device import resolve_device
from unbraid.core.errors import ConfigError
from unbraid.core.images import as_images
from unbraid.core.interfaces import (
    Backbone,
    Dataset,
    Draws,
    LatentSpec,
    Losses,
    Objective,
    OptimiserSpec,
    Rows,
    Samples,
    Term,
)
from unbraid.core.latents import Latents
from unbraid.core.threads import core_count, threads
from unbraid.core.training import FitSettings, Monitor
from unbraid.core.weights import Weights, save_weights

STEPS = 3000
#: Pictures at a time through the encoder.
CHUNK = 64


def pretrain(
    config: DecodedConfig,
    dataset: Dataset,
    out: Path,
    *,
    settings: PretrainConfig,
    fit: FitSettings,
    resume: bool = False,
) -> Path:
    """Encode every picture once, train the decoder on those whose labels are all for training, and write its weights.

    The weights kept are those with the smallest squared error on the other training and validation classes. Latents and
    pictures are held in memory as float32.

    Args:
        config: which encoder; it is not trained and not written.
        dataset: what the decoder is trained on; its pictures have the size the encoder takes.
        out: run folder; checkpoints go to `first` and `last` in it, the result to `weights`.
        settings: of the training.
        fit: length and seed.
        resume: go on with the run in `out`.

    Returns:
        The folder of the weights.

    Raises:
        ConfigError: the config names weights.
        ImageError: the pictures do not fit the encoder.
        DataError: there are no pictures for training.
    """
    if config.weights is not None:
        raise ConfigError("decoded: pretraining starts from nothing", expected="no weights", found=config.weights)
    whole = encoder_of(config)
    base = config.base or DEFAULT_BASE
    device = resolve_device(settings.device)
    pairs = _pairs(whole.to(device), dataset).to(device)
    seen = pairs.subset(training_rows(dataset))
    decoder = build_decoder(whole.info.latent, whole.info.input, base, fit.seed).to(device)
    width = whole.info.latent.width
    decoder.start_from(*(moment[:width].float() for moment in seen.moments()))
    architecture = config_to_dict(architecture_of(whole, base))
    train_in_phases(
        decoder,
        lambda share: [_objective(decoder, width, settings, settings.lr * share)],
        seen,
        settle=settings.settle,
        fit=replace(fit, steps=STEPS if fit.steps is None else fit.steps),
        monitor=_monitor(decoder, width, pairs.subset(held_out_rows(dataset))),
        out=out,
        resume=resume,
        identity={"architecture": architecture, "pretrain": config_to_dict(settings)},
    )
    weights = Weights(
        adapter=NAME,
        tensors=decoder.state_dict(),
        architecture=architecture,
        source="unbraid pretrain",
        trained_on=f"{dataset.name}:train",
    )
    return save_weights(weights, out / "weights")


class SquaredError:
    """Mean squared error of a pixel between what latents decode to and the pictures they came from.

    Args:
        decoder: is trained.
        width: of the latent: the numbers of a row before its pixels.
    """

    def __init__(self, decoder: FeatureDecoder, width: int) -> None:
        self.decoder = decoder
        self.width = width

    def __call__(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute the loss of one batch of `Rows` whose `z` are latents followed by pixels."""
        rows: Rows = batch["pairs"]
        return {"reconstruction": Term(errors(self.decoder, self.width, rows.z).mean())}


def errors(decoder: FeatureDecoder, width: int, pairs: Tensor) -> Tensor:
    """Give the squared error of every pixel, `(B, pixels)`, for rows of a latent followed by its pixels."""
    pictures: Tensor = decoder(pairs[:, :width])
    return (pictures.flatten(1) - pairs[:, width:]).square()


@torch.no_grad()
def _pairs(whole: Backbone, dataset: Dataset) -> Latents:
    """Give rows of a latent followed by the pixels it came from: the sampler then keeps them together."""
    device = next((t.device for t in (*whole.parameters(), *whole.buffers())), torch.device("cpu"))
    found = []
    with threads(core_count()):
        for rows in np.array_split(np.arange(len(dataset)), max(1, len(dataset) // CHUNK)):
            pictures = as_images(dataset.images[rows], whole.info.input)
            latents = whole.encode(pictures.to(device)).cpu()
            found.append(torch.cat([latents.flatten(1), pictures.flatten(1)], dim=1))
    joined = torch.cat(found)
    labels = {role: torch.from_numpy(np.array(labels)) for role, labels in dataset.labels.items()}
    classes = {role: label.count for role, label in dataset.label_specs.items()}
    return Latents(mean=joined, log_variance=None, labels=labels, spec=LatentSpec(joined.shape[1:]), classes=classes)


def _objective(decoder: FeatureDecoder, width: int, settings: PretrainConfig, lr: float) -> Objective:
    return Objective(
        name="squared_error",
        loss=SquaredError(decoder, width),
        batch={"pairs": Samples(settings.batch_size)},
        updates=[decoder],
        optimiser=OptimiserSpec("adam", lr=lr),
    )


def _monitor(decoder: FeatureDecoder, width: int, held_out: Latents) -> Monitor:
    """Look at the squared error of pictures that were not trained on, as a share of their variance."""

    def measure() -> float:
        wrong = sum(errors(decoder, width, pairs).double().sum() for pairs in held_out.chunks(1024))
        return float(wrong / (held_out.moments()[1][width:].sum() * len(held_out)))

    return Monitor("reconstruction", False, measure)
