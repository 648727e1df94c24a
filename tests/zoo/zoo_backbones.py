"""Toy backbones with the habits that break naive freezing."""

import torch
from torch import Tensor, nn

from unbraid import Backbone, BackboneInfo, Decoder, Encoder, LatentSpec, Posterior, freeze
from unbraid.core.interfaces import ImageSpec

SIZE = (1, 8, 8)


def seeded(make):
    """Build a backbone with fixed weights, whatever the global generator is at."""

    def build(seed: int = 0) -> Backbone:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return make()

    return build


class TwoHeads(nn.Module):
    """Gives (mean, log-variance), with batch norm and dropout on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3))
        self.mean, self.log_variance = nn.Linear(32, 8), nn.Linear(32, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.trunk(x)
        return self.mean(h), self.log_variance(h) - 3


def to_image() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 64), nn.Sigmoid(), nn.Unflatten(1, SIZE))


@seeded
def vector() -> Backbone:
    return freeze(TwoHeads(), to_image(), input=SIZE)


@seeded
def feature_map() -> Backbone:
    encoder = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.BatchNorm2d(4))
    return freeze(encoder, nn.Sequential(nn.ConvTranspose2d(4, 1, 2, 2), nn.Sigmoid()), input=SIZE)


@seeded
def encoder_only() -> Backbone:
    return freeze(nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Tanh()), input=SIZE)


@seeded
def no_gradient() -> Backbone:
    return freeze(TwoHeads(), to_image(), input=SIZE, gradient=False)


class Identity(Encoder, Decoder):
    """z = x."""

    def forward(self, x: Tensor) -> Posterior:
        return Posterior(x)


def pixels(seed: int = 0) -> Backbone:
    latent = LatentSpec(SIZE, storage="uint8")
    info = BackboneInfo(adapter="zoo_pixels", input=ImageSpec(*SIZE), latent=latent, inverse="exact")
    return Backbone(Identity(), nn.Identity(), info)
