"""A frozen encoder over runs of rows."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from unbraid.core.errors import ImageError
from unbraid.core.interfaces.backbone import Backbone
from unbraid.core.interfaces.dataset import Dataset
from unbraid.core.interfaces.posterior import Posterior
from unbraid.core.latents.precision import Precision, computing, laid_out
from unbraid.core.latents.progress import EncodingProgress
from unbraid.core.latents.shard import Block
from unbraid.core.latents.storing import store
from unbraid.core.threads import core_count, threads


class BlockEncoder:
    """Encodes runs of rows; batches never depend on where an earlier run stopped, nor on who made it.

    Args:
        backbone: frozen meanwhile; moved to `device` and back.
        dataset: N images `(C, H, W)` uint8.
        batch_size: images at a time, counted from the start of each run.
        device: where the encoder runs.
        precision: of its matrix products and convolutions.
    """

    def __init__(
        self,
        backbone: Backbone,
        dataset: Dataset,
        batch_size: int,
        device: torch.device,
        precision: Precision = "float32",
    ) -> None:
        self._backbone = backbone
        self._images = dataset.images
        self._batch_size = batch_size
        self._device = device
        self._precision: Precision = precision
        self._progress = EncodingProgress(0, show=False)

    @contextmanager
    def running(self, total: int, *, show: bool) -> Iterator[None]:
        """Prepare for `total` rows: device, threads, progress."""
        self._progress = EncodingProgress(total, show=show)
        try:
            with _on(self._backbone, self._device), self._backbone.frozen(), threads(core_count()):
                yield
        finally:
            self._progress.close()

    def encode(self, start: int, stop: int, into: Block) -> None:
        """Encode rows `start` to `stop` into a block of that many rows.

        Raises:
            ImageError: the data set gives something else than images of its own shape.
            ConfigError: the encoder does not give what its `BackboneInfo` says.
            NonFiniteError: a latent is NaN or infinite, or too large for its storage.
        """
        for first in range(start, stop, self._batch_size):
            last = min(first + self._batch_size, stop)
            posterior = self._posterior(first, last)
            place = into.rows(first - start, last - start)
            store(posterior, place, self._backbone.info.latent, first)
            self._progress.advance(last - first)

    def skip(self, rows: int) -> None:
        """Take note of rows that somebody else has encoded meanwhile."""
        self._progress.advance(rows)

    def _posterior(self, first: int, last: int) -> Posterior:
        images = self._images[np.arange(first, last)]
        if images.dtype != np.uint8 or images.shape != (last - first, *self._backbone.info.input.shape):
            raise ImageError(
                f"rows {first} to {last - 1} are no images of this data set",
                expected=f"{last - first} x {self._backbone.info.input} uint8",
                found=f"{' x '.join(map(str, images.shape))} {images.dtype}",
            )
        with torch.inference_mode(False), torch.no_grad():
            x = torch.tensor(images, device=self._device).float() / 255
            with computing(self._device, self._precision):
                return self._backbone.posterior(laid_out(x, self._precision))


@contextmanager
def _on(backbone: Backbone, device: torch.device) -> Iterator[None]:
    """Move a backbone to a device and back; one that is spread over several devices stays where it is."""
    tensors = itertools.chain(backbone.parameters(), backbone.buffers())
    homes = {tensor.device for tensor in tensors}
    moves = len(homes) == 1 and homes != {device}
    if moves:
        backbone.to(device)
    try:
        yield
    finally:
        if moves:
            backbone.to(homes.pop())
