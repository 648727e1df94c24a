"""Image classifiers of torchvision as frozen backbones without a decoder."""

from typing import Any

import torch
from torch import nn

from unbraid.adapters.backbones.torchvision.config import TorchvisionConfig
from unbraid.adapters.backbones.torchvision.model import TorchvisionEncoder
from unbraid.core.errors import ArtefactError, UnknownNameError
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec
from unbraid.core.nn import Preprocess
from unbraid.core.probing import probe
from unbraid.core.weights import fill, kept_place, read_plain

PLACES = ("weights", "licence", "seed")


def load(config: TorchvisionConfig) -> Backbone:
    """Make the backbone.

    Raises:
        UnknownNameError: there is no such model, set of weights or node; near matches are offered.
        ArtefactError: the weights cannot be had, or do not fit.
        ConfigError: the tap gives no latent.
    """
    from torchvision import models

    if config.model not in models.list_models(module=models):
        raise UnknownNameError("torchvision model", config.model, models.list_models(module=models))
    named = _weights(config.model).__members__
    weights = config.weights
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = _create(config.model)
    if weights in named:
        fill(model, _downloaded(named[weights]), weights)
    elif weights is not None:
        fill(model, read_plain(weights, known=named), weights)
        weights = kept_place(weights)
    return wrap(model.eval(), config, weights)


def adapt(model: object) -> Backbone | None:
    """Wrap a live image classifier of torchvision at what its classifier takes, by the preprocessing of its kind."""
    from torchvision import models

    if not isinstance(model, nn.Module):
        return None
    names = [
        n for n in models.list_models(module=models) if models.get_model_builder(n).__module__ == type(model).__module__
    ]
    if not names:
        return None
    # a model does not know its own name, but its kin differ in size
    count = sum(parameter.numel() for parameter in model.parameters())
    name = next((n for n in names if _weights(n).DEFAULT.meta["num_params"] == count), names[0])
    return wrap(model, TorchvisionConfig(model=name), None)


def wrap(model: nn.Module, config: TorchvisionConfig, weights: str | None) -> Backbone:
    """Make a backbone of an image classifier; its modules are used as they are.

    Args:
        model: of torchvision.
        config: name, tap, size and channels of the images.
        weights: where they lie, for heads to find them again.

    Raises:
        UnknownNameError: the model has no such node.
        ConfigError: the tap gives no latent.
    """
    stated = _weights(config.model).DEFAULT.transforms()
    side = stated.crop_size[0]
    image = ImageSpec(config.channels, config.size or side, config.size or side)
    preprocess = Preprocess(
        channels=3, size=(side, side), mean=stated.mean, std=stated.std, interpolation=stated.interpolation.value
    )
    encoder = TorchvisionEncoder(model, config.tap, preprocess)
    settings = {"model": config.model, "weights": weights, "tap": config.tap, "size": config.size}
    info = BackboneInfo(
        adapter="torchvision",
        input=image,
        latent=probe(encoder, image),
        inverse="none",
        capabilities=frozenset({"gradient"}),
        config={**settings, "channels": config.channels, "seed": config.seed, "licence": config.licence},
        places=PLACES,
        licence=config.licence,
        source=f"torchvision {config.model} {weights or 'untrained or alive'}",
    )
    return Backbone(encoder, None, info)


def _create(name: str) -> nn.Module:
    from torchvision import models

    # these two start from a slow initialisation unless told not to, and say so
    quick = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    model: nn.Module = models.get_model(name, **quick)
    return model


def _downloaded(weights: Any) -> dict[str, Any]:
    """Fetch published tensors; they are a pickle, of which nothing but tensors is read."""
    try:
        found: dict[str, Any] = dict(weights.get_state_dict(progress=False, check_hash=True, weights_only=True))
    except Exception as error:
        raise ArtefactError(
            f"the weights {weights} cannot be downloaded",
            expected=weights.url,
            found=f"{type(error).__name__}: {str(error)[:200]}",
            hint="without a network pass weights=FILE.safetensors",
        ) from error
    return found


def _weights(name: str) -> Any:
    from torchvision import models

    return models.get_model_weights(name)
