"""Toy backbones with the habits that break naive freezing, naive standardisation and naive shapes."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.utils import parametrizations

from unbraid.core.errors import UnknownNameError
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec, LatentSpec
from unbraid.core.modules import freeze
from unbraid.registry.conformance.toys.exported import ExportedOnce
from unbraid.registry.conformance.toys.modules import SIZE, Constant, Counting, Identity, Scaled, TwoHeads, to_image

#: Makes a backbone from a seed of its weights.
ToyBackbone = Callable[[int], Backbone]


def vector() -> Backbone:
    """Vectors of 8 with a variance, through batch norm and dropout."""
    return freeze(TwoHeads(), to_image(), input=SIZE)


def feature_map() -> Backbone:
    """Maps of 4 x 4 x 4, through batch norm."""
    encoder = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.BatchNorm2d(4))
    return freeze(encoder, nn.Sequential(nn.ConvTranspose2d(4, 1, 2, 2), nn.Sigmoid()), input=SIZE)


def encoder_only() -> Backbone:
    """Vectors of 8, and no decoder."""
    return freeze(nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Tanh()), input=SIZE)


def no_gradient() -> Backbone:
    """Vectors of 8 from modules that give no gradients, as ONNX files do not."""
    return freeze(TwoHeads(), to_image(), input=SIZE, gradient=False)


def pixels() -> Backbone:
    """The picture itself as latent, stored as bytes."""
    latent = LatentSpec(SIZE, storage="uint8")
    info = BackboneInfo(adapter="toy_pixels", input=ImageSpec(*SIZE), latent=latent, inverse="exact")
    return Backbone(Identity(), nn.Identity(), info)


def constant() -> Backbone:
    """Vectors of 8 whose first number never changes."""
    return freeze(Constant(), to_image(), input=SIZE)


def huge() -> Backbone:
    """Vectors of 8 in the thousands."""
    encoder = Scaled(nn.Sequential(nn.Flatten(), nn.Linear(64, 8)), after=1e4)
    return freeze(encoder, Scaled(to_image(), before=1e-4), input=SIZE)


def tiny() -> Backbone:
    """Vectors of 3: narrower than any layer."""
    return freeze(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), to_image(3), input=SIZE)


def restless() -> Backbone:
    """Vectors of 8 behind a spectral norm, a counter and a hidden buffer: three things that move in training mode."""
    normed = parametrizations.spectral_norm(nn.Linear(64, 8))
    return freeze(nn.Sequential(nn.Flatten(), Counting(), normed), to_image(), input=SIZE)


def half_frozen() -> Backbone:
    """Vectors of 8 whose owner froze one layer and left the others in training mode."""
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 8)).train()
    encoder[1].weight.requires_grad_(False)
    return freeze(encoder, to_image(), input=SIZE)


def seeded(make: Callable[[], Backbone]) -> ToyBackbone:
    """Build a backbone with fixed weights, whatever the global generator is at."""

    def build(seed: int = 0) -> Backbone:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            made = make()
        return ExportedOnce(made.encoder, made.decoder, made.info)

    build.__doc__ = make.__doc__
    return build


#: All toys; the first is the plain one.
TOY_BACKBONES: dict[str, ToyBackbone] = {
    "vector": seeded(vector),
    "map": seeded(feature_map),
    "no-decoder": seeded(encoder_only),
    "no-gradient": seeded(no_gradient),
    "pixels": seeded(pixels),
    "constant": seeded(constant),
    "huge": seeded(huge),
    "tiny": seeded(tiny),
    "restless": seeded(restless),
    "half-frozen": seeded(half_frozen),
}

#: What a method is checked on unless the caller chooses: one kind of latent each.
USUAL = ("vector", "map")


def toy_backbone(name: str, seed: int = 0) -> Backbone:
    """Make one of the toys.

    Raises:
        UnknownNameError: there is none of that name.

    >>> toy_backbone("map").info.latent.shape
    (4, 4, 4)
    """
    if name not in TOY_BACKBONES:
        raise UnknownNameError("toy backbone", name, TOY_BACKBONES)
    return TOY_BACKBONES[name](seed)
