"""The frozen encoder runs once over the data."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unbraid.core.device import resolve_device
from unbraid.core.errors import ConfigError, DataError, ImageError
from unbraid.core.interfaces.backbone import Backbone, BackboneInfo
from unbraid.core.interfaces.dataset import Dataset
from unbraid.core.interfaces.posterior import Posterior
from unbraid.core.latents.cache import LatentCache
from unbraid.core.latents.latents import Latents
from unbraid.core.latents.progress import EncodingProgress
from unbraid.core.latents.shard import Block
from unbraid.core.latents.storing import allocate, store
from unbraid.core.threads import core_count, threads


def encode_dataset(
    backbone: Backbone,
    dataset: Dataset,
    *,
    cache: Path | str | None = None,
    batch_size: int = 256,
    device: str | torch.device = "auto",
    progress: bool = False,
    verify: bool = True,
) -> Latents:
    """Encode every image of a data set, or read what was encoded before.

    Runs without gradients on all cores (or `OMP_NUM_THREADS`). Every latent is in memory once, as `spec.storage`.

    Args:
        backbone: frozen meanwhile; moved to `device` and back.
        dataset: N images `(C, H, W)` uint8; the encoder sees float32 in [0, 1].
        cache: folder of the latent cache, which is made, completed or read; None keeps nothing.
        batch_size: images at a time.
        device: where the encoder runs; `auto` is the best there is.
        progress: show a bar on a terminal, lines elsewhere, on stderr.
        verify: compare the checksum of each cached shard, once per process.

    Returns:
        Latents on the CPU: `mean` and, where the encoder gives one, `log_variance`, `(N, *latent)` in the storage
        dtype; labels of each role `(N,)` int64.

    Raises:
        ImageError: the images do not fit the backbone.
        ConfigError: the encoder does not give what its `BackboneInfo` says.
        NonFiniteError: a latent is NaN or infinite, or too large for its storage.
        BackboneMismatchError: the cache holds latents of another backbone.
        ArtefactError: the cache holds other latents, is damaged, or somebody else is building it.
        StorageError: the cache cannot be written.
    """
    _check(backbone.info, dataset, batch_size)
    block = allocate(backbone.info.latent, len(dataset))
    encoder = _BlockEncoder(backbone, dataset, batch_size, resolve_device(device))
    if cache is None:
        with encoder.running(len(dataset), show=progress):
            encoder.encode(0, len(dataset), block)
    else:
        stored = LatentCache(Path(cache), _identity(backbone, dataset), block.row_bytes, verify=verify)
        _fill(stored, encoder, block, show=progress)
    return Latents(
        mean=block.mean,
        log_variance=block.log_variance,
        labels=_labels(dataset),
        spec=backbone.info.latent,
        classes={role: spec.count for role, spec in dataset.label_specs.items()},
    )


def _labels(dataset: Dataset) -> dict[str, Tensor]:
    with torch.inference_mode(False):  # heads train on what this gives, wherever it is called
        return {role: torch.tensor(dataset.labels[role], dtype=torch.int64) for role in dataset.label_specs}


def _fill(cache: LatentCache, encoder: "_BlockEncoder", block: Block, *, show: bool) -> None:
    """Read the shards there are, encode and write the others."""
    if cache.missing():
        with cache.building():
            missing = cache.missing()
            with encoder.running(sum(shard.stop - shard.start for shard in missing), show=show):
                for shard in cache.shards():
                    rows = block.rows(shard.start, shard.stop)
                    if shard in missing:
                        encoder.encode(shard.start, shard.stop, rows)
                        cache.write(shard, rows)
                    else:
                        cache.read(shard, rows)
    else:
        for shard in cache.shards():
            cache.read(shard, block.rows(shard.start, shard.stop))


class _BlockEncoder:
    """Encodes runs of rows; batches never depend on where an earlier run stopped."""

    def __init__(self, backbone: Backbone, dataset: Dataset, batch_size: int, device: torch.device) -> None:
        self._backbone = backbone
        self._images = dataset.images
        self._batch_size = batch_size
        self._device = device
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
        """Encode rows `start` to `stop` into a block of that many rows."""
        for first in range(start, stop, self._batch_size):
            last = min(first + self._batch_size, stop)
            posterior = self._posterior(first, last)
            place = into.rows(first - start, last - start)
            store(posterior, place, self._backbone.info.latent, first)
            self._progress.advance(last - first)

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
            return self._backbone.posterior(x)


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


def _check(info: BackboneInfo, dataset: Dataset, batch_size: int) -> None:
    if batch_size < 1:
        raise ConfigError("batch_size counts from 1", expected=">= 1", found=batch_size)
    if not len(dataset):
        raise DataError(f"{dataset.name} holds no images", expected="at least one", found="0")
    if dataset.image_spec.shape != info.input.shape:
        raise ImageError(
            f"the images of {dataset.name} do not fit the backbone {info.adapter!r}",
            expected=f"{info.input} (channels x height x width)",
            found=str(dataset.image_spec),
            hint="set the size and the channels in the options of the data set",
        )


def _identity(backbone: Backbone, dataset: Dataset) -> Mapping[str, Any]:
    info = backbone.info
    return {
        "backbone": backbone.fingerprint,
        "adapter": info.adapter,
        "input": list(info.input.shape),
        "scale": "uint8 / 255",
        "latent": list(info.latent.shape),
        "stochastic": info.latent.stochastic,
        "dtype": info.latent.storage,
        "data": dataset.fingerprint,
        "rows": len(dataset),
    }
