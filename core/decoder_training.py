"""Training a decoder on the frozen latents of the training pictures of a data set."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch

from unbraid.core.backbone_training import held_out_rows, train_in_phases, training_rows
from unbraid.core.config import config_to_dict
from unbraid.core.device import resolve_device
from unbraid.core.encoder_settings import EncoderSettings, StatedEncoder
from unbraid.core.errors import ConfigError
from unbraid.core.images import as_images
from unbraid.core.interfaces import (
    Backbone,
    BackboneInfo,
    Dataset,
    Draws,
    LatentSpec,
    Losses,
    Objective,
    OptimiserSpec,
    Samples,
)
from unbraid.core.latents import Latents
from unbraid.core.new_decoder import LatentDecoder, architecture_of, encoder_of
from unbraid.core.pretrain_settings import PretrainSettings
from unbraid.core.restoring import untrained
from unbraid.core.threads import core_count, threads
from unbraid.core.training import FitSettings, Monitor
from unbraid.core.weights import Weights, save_weights

#: Pictures at a time through the encoder.
CHUNK = 64


class PairLoss(Protocol):
    """The loss of a batch whose `pairs` are `Rows`: each is a latent followed by the pixels it came from."""

    def __call__(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute it."""
        ...


A = TypeVar("A", bound=StatedEncoder)
D = TypeVar("D", bound=LatentDecoder)
L = TypeVar("L", bound=PairLoss)


def train_decoder(
    config: EncoderSettings,
    kind: type[A],
    make: Callable[[Backbone, A], D],
    dataset: Dataset,
    out: Path,
    *,
    objective: str,
    loss: Callable[[D, BackboneInfo], L],
    monitor: Callable[[L, Latents], Monitor],
    settings: PretrainSettings,
    fit: FitSettings,
    resume: bool,
) -> Path:
    """Encode every picture once, train a decoder on those whose labels are all for training, and write its weights.

    The weights kept are the best on the other training and validation classes. Latents and pictures are held in memory
    as float32.

    Args:
        config: which encoder; it is not trained and not written.
        kind: dataclass of what the folder of weights will state.
        make: makes a decoder for the latents and pictures of a backbone.
        dataset: its pictures have the size the encoder takes.
        out: run folder; checkpoints go to `first` and `last` in it, the result to `weights`.
        objective: name of what is minimised.
        loss: makes it, of a decoder for the latents and pictures of a backbone.
        monitor: the loss, and rows of latents and pixels -> what is looked at.
        settings: of the training.
        fit: length and seed; `steps` must be a number.
        resume: go on with the run in `out`.

    Returns:
        The folder of the weights.

    Raises:
        ConfigError: the config names weights.
        ImageError: the pictures do not fit the encoder.
        DataError: there are no pictures for training.
    """
    if config.weights is not None:
        problem = f"{config.adapter}: pretraining starts from nothing"
        raise ConfigError(problem, expected="no weights", found=config.weights)
    whole = encoder_of(config)
    architecture = architecture_of(kind, whole, config.given)
    decoder = untrained(lambda stated: make(whole, stated), architecture, fit.seed)
    device = resolve_device(settings.device)
    pairs = pairs_of(whole.to(device), dataset).to(device)
    seen = pairs.subset(training_rows(dataset))
    decoder.to(device).start_from(*(moment[: whole.info.latent.width].float() for moment in seen.moments()))
    stated = config_to_dict(architecture)
    batch = {"pairs": Samples(settings.batch_size)}
    minimised = loss(decoder, whole.info)
    train_in_phases(
        decoder,
        lambda share: [
            Objective(
                name=objective,
                loss=minimised,
                batch=batch,
                updates=[decoder],
                optimiser=OptimiserSpec("adam", lr=settings.lr * share),
            )
        ],
        seen,
        settle=settings.settle,
        fit=fit,
        monitor=monitor(minimised, pairs.subset(held_out_rows(dataset))),
        out=out,
        resume=resume,
        identity={"architecture": stated, "pretrain": config_to_dict(settings)},
    )
    weights = Weights(
        adapter=config.adapter,
        tensors=decoder.state_dict(),
        architecture=stated,
        source="unbraid pretrain",
        trained_on=f"{dataset.name}:train",
    )
    return save_weights(weights, out / "weights")


@torch.no_grad()
def pairs_of(whole: Backbone, dataset: Dataset) -> Latents:
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
