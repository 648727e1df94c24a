"""The frozen encoder runs once over the data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unbraid.core.device import resolve_device
from unbraid.core.errors import ConfigError, DataError, ImageError
from unbraid.core.interfaces.backbone import Backbone, BackboneInfo
from unbraid.core.interfaces.dataset import Dataset
from unbraid.core.latents.block_encoder import BlockEncoder
from unbraid.core.latents.build import CacheBuild
from unbraid.core.latents.cache import LatentCache
from unbraid.core.latents.index import stored_identity
from unbraid.core.latents.latents import Latents
from unbraid.core.latents.precision import Precision, check_precision
from unbraid.core.latents.shard import Block, Shard
from unbraid.core.latents.storing import allocate


def encode_dataset(
    backbone: Backbone,
    dataset: Dataset,
    *,
    cache: Path | str | None = None,
    batch_size: int = 256,
    device: str | torch.device = "auto",
    precision: Precision | None = None,
    progress: bool = False,
    verify: bool = True,
) -> Latents:
    """Encode every image of a data set, or read what was encoded before.

    Runs without gradients on all cores (or `OMP_NUM_THREADS`). Every latent is in memory once, as `spec.storage`.
    Under torchrun all ranks that call this with the same cache encode it together, and each gets all latents; the files
    are those of one process, byte for byte, where the processes compute alike (the same device and number of threads).

    Args:
        backbone: frozen meanwhile; moved to `device` and back.
        dataset: N images `(C, H, W)` uint8; the encoder sees float32 in [0, 1].
        cache: folder of the latent cache, which is made, completed or read; None keeps nothing.
        batch_size: images at a time.
        device: where the encoder runs; `auto` is the best there is.
        precision: of matrix products and convolutions in the encoder. `bfloat16` is about twice as fast, and more on
            many GPUs, and costs some three digits; None is what the cache was made with, float32 for a new one.
        progress: show a bar on a terminal, lines elsewhere, on stderr.
        verify: compare the checksum of each cached shard, once per process.

    Returns:
        Latents on the CPU: `mean` and, where the encoder gives one, `log_variance`, `(N, *latent)` in the storage
        dtype; labels of each role `(N,)` int64.

    Raises:
        ImageError: the images do not fit the backbone.
        ConfigError: the encoder does not give what its `BackboneInfo` says, or the precision is unknown.
        CapabilityError: an encoder that torch does not run cannot compute in bfloat16.
        NonFiniteError: a latent is NaN or infinite, or too large for its storage.
        BackboneMismatchError: the cache holds latents of another backbone.
        ArtefactError: the cache holds other latents, is damaged, or somebody else is building it.
        StorageError: the cache cannot be written.
    """
    precision = precision or _precision_at(cache)
    _check(backbone.info, dataset, batch_size)
    check_precision(precision, backbone.info)
    block = allocate(backbone.info.latent, len(dataset))
    encoder = BlockEncoder(backbone, dataset, batch_size, resolve_device(device), precision)
    if cache is None:
        with encoder.running(len(dataset), show=progress):
            encoder.encode(0, len(dataset), block)
    else:

        def place(shard: Shard) -> Block:
            return block.rows(shard.start, shard.stop)

        stored = LatentCache(Path(cache), _identity(backbone, dataset, precision), block.row_bytes, verify=verify)
        CacheBuild(stored, encoder, place, lambda shard: stored.read(shard, place(shard))).run(show=progress)
    return Latents(
        mean=block.mean,
        log_variance=block.log_variance,
        labels=_labels(dataset),
        spec=backbone.info.latent,
        classes={role: spec.count for role, spec in dataset.label_specs.items()},
        precision=precision,
    )


def encode_cache(
    backbone: Backbone,
    dataset: Dataset,
    cache: Path | str,
    *,
    batch_size: int = 256,
    device: str | torch.device = "auto",
    precision: Precision | None = None,
    progress: bool = False,
    verify: bool = True,
) -> None:
    """Make or complete a latent cache with one shard at a time in memory; shards that are there are checked.

    Args and errors are those of `encode_dataset`; under torchrun the ranks share the work as there.
    """
    precision = precision or _precision_at(cache)
    _check(backbone.info, dataset, batch_size)
    check_precision(precision, backbone.info)
    spec = backbone.info.latent
    encoder = BlockEncoder(backbone, dataset, batch_size, resolve_device(device), precision)
    identity = _identity(backbone, dataset, precision)
    stored = LatentCache(Path(cache), identity, allocate(spec, 1).row_bytes, verify=verify)
    CacheBuild(stored, encoder, lambda shard: allocate(spec, shard.stop - shard.start), stored.check).run(show=progress)


def _labels(dataset: Dataset) -> dict[str, Tensor]:
    with torch.inference_mode(False):  # heads train on what this gives, wherever it is called
        return {role: torch.tensor(dataset.labels[role], dtype=torch.int64) for role in dataset.label_specs}


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


def _precision_at(cache: Path | str | None) -> Precision:
    stored = {} if cache is None else stored_identity(Path(cache))
    return "bfloat16" if stored.get("precision") == "bfloat16" else "float32"


def _identity(backbone: Backbone, dataset: Dataset, precision: Precision) -> Mapping[str, Any]:
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
        # caches older than the setting are float32 and do not say so
        **({} if precision == "float32" else {"precision": precision}),
    }
