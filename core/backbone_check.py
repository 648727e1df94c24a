"""What a backbone is and does, in figures: how well pictures come back, how fast it encodes; and that it stays frozen."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unbraid.core.artefacts import read_json
from unbraid.core.catalogue import load_backbone
from unbraid.core.errors import ArtefactError, ConfigError
from unbraid.core.freezing import FrozenGuard
from unbraid.core.images import as_images
from unbraid.core.interfaces import Backbone, Dataset
from unbraid.core.recipe import load_recipe
from unbraid.core.threads import core_count, threads
from unbraid.core.weights import CONFIG, FORMAT
from unbraid.registry import get_registry

CHUNK = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneCheck:
    """Figures of one backbone on one data set.

    Args:
        data: name of the data set.
        pictures: how many were looked at.
        psnr: of the mean squared error of pictures that went through and back, in dB; None without a decoder.
        variance_psnr: the same of the best constant picture, which says what the figure is worth.
        relative: `|encode(decode(z)) - z| / |z|` of the latents of these pictures; None without a decoder.
        pictures_per_second: encoded in batches of 64 on `cores` cores of this machine.
        cores: threads torch used.
    """

    data: str
    pictures: int
    psnr: float | None
    variance_psnr: float
    relative: float | None
    pictures_per_second: float
    cores: int

    def to_dict(self) -> dict[str, Any]:
        """Give the figures as JSON values."""
        return asdict(self)


def find_backbone(name_or_file: str, settings: Mapping[str, Any]) -> Backbone:
    """Load a backbone from whatever a user has of it.

    Args:
        name_or_file: name of an adapter; a folder of weights, a head, a recipe or an ONNX file.
        settings: of the adapter.

    Raises:
        UnknownNameError: no adapter has that name, and there is no such file.
        ArtefactError: the file is none of these.
    """
    path = Path(name_or_file)
    if not path.exists():
        return load_backbone(name_or_file, **settings)
    if path.suffix in (".yaml", ".yml"):
        choice = load_recipe(path).backbone
        return load_backbone(choice.name, **{**choice.settings, **settings})
    for name, entry in get_registry().backbones().items():
        if path.suffix in entry.spec.suffixes:
            return load_backbone(name, weights=str(path), **settings)
    return _from_folder(path, settings)


def _from_folder(folder: Path, settings: Mapping[str, Any]) -> Backbone:
    stated = read_json(folder / CONFIG) if (folder / CONFIG).is_file() else {}
    if "backbones" in stated:
        (first,) = list(stated["backbones"].values())[:1]
        return load_backbone(first["adapter"], **{**first["config"], **settings})
    adapter = _adapter(stated)
    if not adapter:
        raise ArtefactError(
            f"{folder} is no backbone",
            expected="a folder of weights, a head, a recipe or an ONNX file",
            found=", ".join(sorted(each.name for each in folder.iterdir())[:5]) if folder.is_dir() else folder.suffix,
            hint="`unbraid list backbones` names the adapters; settings follow with --set",
        )
    return load_backbone(adapter, weights=str(folder), **settings)


def _adapter(stated: Mapping[str, Any]) -> str:
    """Give the adapter a `config.json` names, as ours do or by the class a library wrote; none where it names none."""
    if stated.get("format") == FORMAT:
        return str(stated.get("adapter") or "")
    named = str(stated.get("_class_name", "")).lower() or str(stated.get("format", "")).removeprefix("unbraid-")
    return next((name for name in get_registry().backbones() if named in (name, name.replace("_", ""))), "")


def describe(backbone: Backbone) -> dict[str, str]:
    """Say what a backbone is: one line for each thing a user asks."""
    info = backbone.info
    entry = get_registry().backbones().get(info.adapter)
    latent = " x ".join(map(str, info.latent.shape))
    kind = ("map" if info.latent.is_map else "vector") + (", with a variance" if info.latent.stochastic else "")
    return {
        "adapter": info.adapter + (f": {entry.spec.summary}" if entry else ""),
        "images": f"{info.input} in [0, 1]",
        "latent": f"{latent} = {info.latent.width} numbers, a {kind}",
        "inverse": info.inverse,
        "capabilities": ", ".join(sorted(info.capabilities)) or "none beyond encode",
        "parameters": f"{sum(parameter.numel() for parameter in backbone.parameters()):,}",
        "licence": info.licence or "not stated",
        "source": info.source or "not stated",
        "trained on": info.trained_on or "not stated",
        "fingerprint": backbone.fingerprint,
    }


def check_backbone(backbone: Backbone, dataset: Dataset, *, pictures: int = 256) -> BackboneCheck:
    """Encode and decode pictures, spread evenly over a data set, and see that the backbone did not move.

    Args:
        backbone: what is looked at.
        dataset: its pictures must have the size the backbone takes.
        pictures: at most so many.

    Raises:
        FrozenError: the backbone moved.
        ImageError: the pictures do not fit the backbone.
        ConfigError: fewer than one picture is asked for.
    """
    if pictures < 1:
        raise ConfigError("a check needs pictures", expected=">= 1", found=pictures)
    rows = np.unique(np.linspace(0, len(dataset) - 1, min(pictures, len(dataset))).round().astype(np.int64))
    images = as_images(dataset.images[rows], backbone.info.input)
    guard = FrozenGuard(backbone)
    with threads(core_count()), torch.no_grad():
        latents, seconds = _encoded(backbone, images)
        error, relative = _round_trip(backbone, images, latents)
    guard.verify()
    constant = float((images - images.mean(0)).square().mean())
    return BackboneCheck(
        data=dataset.name,
        pictures=len(images),
        psnr=None if error is None else decibels(error),
        variance_psnr=decibels(constant),
        relative=relative,
        pictures_per_second=len(images) / seconds,
        cores=core_count(),
    )


def decibels(error: float) -> float:
    """Give the PSNR of a mean squared error of pixels in [0, 1].

    >>> round(decibels(0.001), 3)
    30.0
    """
    return -10 * float(np.log10(max(error, 1e-12)))


def _encoded(backbone: Backbone, images: Tensor) -> tuple[Tensor, float]:
    backbone.encode(images[:CHUNK])  # the first call makes what later ones use
    start = time.perf_counter()
    latents = torch.cat([backbone.encode(part) for part in torch.split(images, CHUNK)])
    return latents, max(time.perf_counter() - start, 1e-9)


def _round_trip(backbone: Backbone, images: Tensor, latents: Tensor) -> tuple[float | None, float | None]:
    if "decode" not in backbone.info.capabilities:
        return None, None
    back = torch.cat([backbone.decode(part) for part in torch.split(latents, CHUNK)])
    again = torch.cat([backbone.encode(part) for part in torch.split(back, CHUNK)])
    error = float((back - images).double().square().mean())
    return error, float((again - latents).double().norm() / latents.double().norm().clamp_min(1e-12))
