"""Training a decoder on the frozen features of the training pictures of a data set."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from unbraid.adapters.backbones.decoded.adapter import decoder_for
from unbraid.adapters.backbones.decoded.config import Architecture, DecodedConfig, PretrainConfig
from unbraid.adapters.backbones.decoded.model import FeatureDecoder
from unbraid.core.decoder_training import train_decoder
from unbraid.core.interfaces import Dataset, Draws, Losses, Rows, Term
from unbraid.core.latents import Latents
from unbraid.core.training import FitSettings, Monitor

STEPS = 3000


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
    return train_decoder(
        config,
        Architecture,
        decoder_for,
        dataset,
        out,
        objective="squared_error",
        loss=lambda decoder, whole: SquaredError(decoder, whole.latent.width),
        monitor=_monitor,
        settings=settings,
        fit=replace(fit, steps=STEPS if fit.steps is None else fit.steps),
        resume=resume,
    )


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


def _monitor(loss: SquaredError, held_out: Latents) -> Monitor:
    """Look at the squared error of pictures that were not trained on, as a share of their variance."""

    def measure() -> float:
        wrong = sum(errors(loss.decoder, loss.width, pairs).double().sum() for pairs in held_out.chunks(1024))
        return float(wrong / (held_out.moments()[1][loss.width :].sum() * len(held_out)))

    return Monitor("reconstruction", False, measure)
