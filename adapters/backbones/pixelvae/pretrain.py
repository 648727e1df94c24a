"""Training an autoregressive decoder on the frozen latents of the training pictures of a data set."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unbraid.adapters.backbones.pixelvae.adapter import decoder_for
from unbraid.adapters.backbones.pixelvae.config import Architecture, PixelVAEConfig, PretrainConfig
from unbraid.adapters.backbones.pixelvae.model import PixelDecoder, binarised
from unbraid.core.decoder_training import train_decoder
from unbraid.core.interfaces import Dataset, Draws, ImageSpec, Losses, Rows, Term
from unbraid.core.latents import Latents
from unbraid.core.training import FitSettings, Monitor

STEPS = 2000
#: Pictures at a time in a look.
LOOK = 128


def pretrain(
    config: PixelVAEConfig,
    dataset: Dataset,
    out: Path,
    *,
    settings: PretrainConfig,
    fit: FitSettings,
    resume: bool = False,
) -> Path:
    """Encode every picture once, train the decoder on those whose labels are all for training, and write its weights.

    Pictures are made black and white at a half; the loss is their negative log-likelihood given the mean of the latent.
    The weights kept need the fewest bits for pictures of the other training and validation classes. Latents and
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
        ConfigError: the config names weights, or the pictures are not grey.
        ImageError: the pictures do not fit the encoder.
        DataError: there are no pictures for training.
    """
    return train_decoder(
        config,
        Architecture,
        lambda whole, architecture: decoder_for(whole, architecture, config),
        dataset,
        out,
        objective="likelihood",
        loss=lambda decoder, whole: NegativeLogLikelihood(decoder, whole.latent.width, whole.input),
        monitor=_monitor,
        settings=settings,
        fit=replace(fit, steps=STEPS if fit.steps is None else fit.steps),
        resume=resume,
    )


class NegativeLogLikelihood:
    """Nats a pixel of pictures, made black and white, given their latents.

    Args:
        decoder: is trained.
        width: of the latent: the numbers of a row before its pixels.
        image: what the pixels are of.
    """

    def __init__(self, decoder: PixelDecoder, width: int, image: ImageSpec) -> None:
        self.decoder = decoder
        self.width = width
        self.image = image

    def __call__(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute the loss of one batch of `Rows` whose `z` are latents followed by pixels."""
        rows: Rows = batch["pairs"]
        return {"nats": Term(self.nats(rows.z).mean() / (self.image.height * self.image.width))}

    def nats(self, pairs: Tensor) -> Tensor:
        """Give the nats of each picture, `(B,)`, for rows of a latent followed by its pixels."""
        pictures = binarised(pairs[:, self.width :]).view(-1, *self.image.shape)
        return -self.decoder.log_likelihood(pictures, pairs[:, : self.width])


def _monitor(loss: NegativeLogLikelihood, held_out: Latents) -> Monitor:
    """Look at the bits that a picture needs which was not trained on."""

    @torch.no_grad()
    def measure() -> float:
        nats = sum(loss.nats(pairs).double().sum() for pairs in held_out.chunks(LOOK))
        return float(nats / len(held_out) / math.log(2))

    return Monitor("bits", False, measure)
