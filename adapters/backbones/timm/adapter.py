"""Encoders of timm as frozen backbones without a decoder."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unbraid.adapters.backbones.timm.config import TimmConfig
from unbraid.adapters.backbones.timm.model import TimmEncoder
from unbraid.core.artefacts import read_tensors
from unbraid.core.errors import ArtefactError, ConfigError, UnknownNameError
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec
from unbraid.core.nn import Preprocess
from unbraid.core.probing import probe
from unbraid.core.weights import fill, kept_place, read_plain

PRETRAINED = "pretrained"
PLACES = ("weights", "licence", "seed")


def load(config: TimmConfig) -> Backbone:
    """Make the backbone.

    Raises:
        UnknownNameError: timm has no such architecture; near matches are offered.
        ArtefactError: the weights cannot be had, or do not fit.
        ConfigError: tap, size or channels do not fit the model.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = _create(config)
    weights = config.weights
    if weights is not None:
        tensors = _downloaded(model, config) if weights == PRETRAINED else read_plain(weights)
        dropped = _classifier(model)
        kept = {name: t for name, t in tensors.items() if not name.startswith(dropped)}
        fill(model, kept, weights)
        weights = weights if weights == PRETRAINED else kept_place(weights)
    return wrap(model, config, weights)


def adapt(model: object) -> Backbone | None:
    """Wrap a live model of timm at the vector before its classifier."""
    if not isinstance(model, nn.Module) or not hasattr(model, "forward_features"):
        return None
    stated = _stated(model)
    name = stated.get("architecture", type(model).__name__)
    tag = f".{stated['tag']}" if stated.get("tag") else ""
    licence = f"{_licence(model)}, if these are timm's weights" if _licence(model) else ""
    return wrap(model, TimmConfig(model=f"{name}{tag}", licence=licence), None)


def wrap(model: nn.Module, config: TimmConfig, weights: str | None) -> Backbone:
    """Make a backbone of a model of timm; the model itself is used, not a copy.

    Args:
        model: with `forward_features` and `forward_head`.
        config: tap, size and channels of the images.
        weights: where they lie, for heads to find them again; `pretrained` where timm has them.

    Raises:
        ConfigError: tap, size or channels do not fit the model.
    """
    stated = _stated(model)
    channels, height, width = stated["input_size"]
    image = ImageSpec(config.channels or channels, config.size or height, config.size or width)
    if image.channels not in (1, channels):
        raise ConfigError("timm: channels do not fit the model", expected=f"1 or {channels}", found=image.channels)
    preprocess = Preprocess(
        channels=channels,
        size=(height, width),
        mean=stated["mean"],
        std=stated["std"],
        interpolation=stated["interpolation"],
    )
    encoder = TimmEncoder(model, config.tap, preprocess)
    settings = {"model": config.model, "weights": weights, "tap": config.tap, "size": config.size}
    info = BackboneInfo(
        adapter="timm",
        input=image,
        latent=probe(encoder, image),
        inverse="none",
        capabilities=frozenset({"gradient"}),
        config={**settings, "channels": config.channels, "seed": config.seed, "licence": config.licence},
        places=PLACES,
        licence=config.licence or (_licence(model) if weights == PRETRAINED else ""),
        source=_source(config.model, weights),
    )
    return Backbone(encoder, None, info)


def _create(config: TimmConfig) -> nn.Module:
    import timm

    if not timm.is_model(config.model):
        architecture = config.model.partition(".")[0]
        near = get_close_matches(architecture, timm.list_models(), n=5, cutoff=0.0)
        raise UnknownNameError("timm model", architecture, near, hint="timm.list_models() names them all")
    try:
        model: nn.Module = timm.create_model(config.model, num_classes=0)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ArtefactError(f"timm cannot make {config.model}", found=f"{type(error).__name__}: {error}") from error
    return model.eval()


def _downloaded(model: nn.Module, config: TimmConfig) -> dict[str, Tensor]:
    """Fetch the published tensors of a model as safetensors; timm would fall back on a pickle."""
    from huggingface_hub import hf_hub_download

    repository = str(_stated(model).get("hf_hub_id") or "")
    try:
        return read_tensors(hf_hub_download(repository, "model.safetensors"))
    except Exception as error:
        first = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
        raise ArtefactError(
            f"the weights of {config.model} cannot be downloaded",
            expected=f"model.safetensors in {repository or 'a repository on the hub'}, and a network",
            found=f"{type(error).__name__}: {first[:200]}",
            hint="without a network pass weights=FILE.safetensors; timm.list_pretrained() names the tags",
        ) from error


def _stated(model: nn.Module) -> Mapping[str, Any]:
    """Give the pretrained configuration of a model, whatever timm calls it."""
    stated = getattr(model, "pretrained_cfg", None) or getattr(model, "default_cfg", None) or {}
    plain = stated if isinstance(stated, Mapping) else stated.to_dict()
    defaults = {"input_size": (3, 224, 224), "mean": (0.5,) * 3, "std": (0.5,) * 3, "interpolation": "bicubic"}
    return {**defaults, **{name: value for name, value in plain.items() if value is not None}}


def _licence(model: nn.Module) -> str:
    """Give the licence of the published weights of a model, where timm knows it."""
    return str(_stated(model).get("license") or "")


def _classifier(model: nn.Module) -> tuple[str, ...]:
    """Give the prefixes of the classifier's tensors in published files; the model itself has none of them."""
    names = _stated(model).get("classifier") or ()
    return tuple(f"{name}." for name in ((names,) if isinstance(names, str) else names))


def _source(model: str, weights: str | None) -> str:
    if weights is None:
        return f"timm {model}, untrained or alive"
    return f"timm {model}" if weights == PRETRAINED else str(Path(weights))
