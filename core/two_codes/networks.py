"""Encoder and decoder of two codes."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from unbraid.core.errors import CapabilityError
from unbraid.core.interfaces import LatentSpec, Posterior
from unbraid.core.nn import MLP, initialise, takes_convolutions
from unbraid.core.two_codes.config import TwoCodesConfig
from unbraid.core.two_codes.convolutions import down, grid_of, smallest_side, up

#: Widest latent the fully connected networks take.
MAX_WIDTH = 4096
SLOPE = 0.2
#: Standard deviation of the starting weights of the convolutional networks.
STD = 0.05


class Codes(NamedTuple):
    """What the encoder says of a batch of latents."""

    unspecified: Posterior  # (B, unspecified)
    specified: Tensor  # (B, specified)


class TwoCodeEncoder(nn.Module):
    """Standardised latents `(B, *latent)` -> `Codes`: three linear layers side by side on shared features.

    Args:
        features: `(B, *latent)` -> `(B, width)`.
        width: of the features.
        config: widths of the codes.
        stochastic: whether the unspecified code has a variance.
    """

    def __init__(self, features: nn.Module, width: int, config: TwoCodesConfig, *, stochastic: bool) -> None:
        super().__init__()
        self.stages = features
        self.unspecified = nn.Linear(width, config.unspecified)
        self.log_variance = nn.Linear(width, config.unspecified) if stochastic else None
        self.specified = nn.Linear(width, config.specified)

    def forward(self, standardised: Tensor) -> Codes:
        """Encode a batch."""
        features = self.stages(standardised)
        log_variance = None if self.log_variance is None else self.log_variance(features)
        return Codes(Posterior(self.unspecified(features), log_variance), self.specified(features))


class TwoCodeDecoder(nn.Module):
    """Codes `(B, unspecified)` and `(B, specified)` -> standardised latents `(B, *latent)`.

    Args:
        stages: `(B, 2 * width)` -> `(B, *latent)`.
        width: of the layer each code enters by.
        config: widths of the codes, and the slope of that layer.
    """

    def __init__(self, stages: nn.Module, width: int, config: TwoCodesConfig) -> None:
        super().__init__()
        self.unspecified = nn.Linear(config.unspecified, width)
        self.specified = nn.Linear(config.specified, width)
        self.activation = nn.LeakyReLU(config.code_slope)
        self.stages = stages

    def forward(self, unspecified: Tensor, specified: Tensor) -> Tensor:
        """Decode a batch."""
        joined = torch.cat([self.unspecified(unspecified), self.specified(specified)], 1)
        decoded: Tensor = self.stages(self.activation(joined))
        return decoded


def is_convolutional(config: TwoCodesConfig, latent: LatentSpec) -> bool:
    """Whether `auto` and the other choices of `network` mean convolutions for this latent.

    Raises:
        CapabilityError: they are asked for and do not fit.
    """
    return takes_convolutions(config.network, latent, smallest_side(len(config.channels)), by=config.method)


def build_networks(
    config: TwoCodesConfig, latent: LatentSpec, *, stochastic: bool
) -> tuple[TwoCodeEncoder, TwoCodeDecoder]:
    """Make encoder and decoder with fresh weights.

    Convolutional ones are those of the paper's tables: layers as printed for 28 x 28 (three stages) and 60 x 60 (four).
    Where the latent is a picture the decoder ends in a sigmoid.

    Raises:
        CapabilityError: the latent is too small for convolutions, or too wide to be flattened.
    """
    if is_convolutional(config, latent):
        return _convolutional(config, latent, stochastic)
    return _fully_connected(config, latent, stochastic)


def _convolutional(
    config: TwoCodesConfig, latent: LatentSpec, stochastic: bool
) -> tuple[TwoCodeEncoder, TwoCodeDecoder]:
    image_channels, height, width = latent.shape
    grid = grid_of((height, width), len(config.channels))
    features = config.channels[-1] * grid[0] * grid[1]
    encoder = TwoCodeEncoder(
        nn.Sequential(*down((image_channels, *config.channels)), nn.Flatten()), features, config, stochastic=stochastic
    )
    ladder = (2 * config.channels[-1], *reversed(config.channels[:-1]), image_channels)
    rising = up(ladder, grid, (height, width), config.map_slope)
    decoder = TwoCodeDecoder(
        nn.Sequential(nn.Unflatten(1, (ladder[0], *grid)), *rising, *_last(latent)), features, config
    )
    for network in (encoder, decoder):
        draw_normal(network)
    return encoder, decoder


def _fully_connected(
    config: TwoCodesConfig, latent: LatentSpec, stochastic: bool
) -> tuple[TwoCodeEncoder, TwoCodeDecoder]:
    if latent.width > MAX_WIDTH:
        raise CapabilityError(
            f"{config.method} flattens latents, and this one is too wide for fully connected networks",
            expected=f"at most {MAX_WIDTH} numbers",
            found=f"{' x '.join(map(str, latent.shape))} = {latent.width}",
            hint="network=convolutional, a backbone with a narrower latent, or smaller images",
        )
    hidden = config.hidden
    features = MLP((latent.width, *hidden), norm_first=False, slope=SLOPE)
    encoder = TwoCodeEncoder(
        nn.Sequential(nn.Flatten(), features, nn.LeakyReLU(SLOPE)), hidden[-1], config, stochastic=stochastic
    )
    rising = MLP((2 * hidden[-1], hidden[-1], latent.width), norm_first=False, slope=config.map_slope)
    decoder = TwoCodeDecoder(nn.Sequential(rising, nn.Unflatten(1, latent.shape), *_last(latent)), hidden[-1], config)
    for network in (encoder, decoder):
        initialise(network, "glorot")
    return encoder, decoder


def _last(latent: LatentSpec) -> tuple[nn.Module, ...]:
    return (nn.Sigmoid(),) if latent.is_picture else ()


def draw_normal(network: nn.Module) -> None:
    """Draw weights of linear layers and convolutions with deviation 0.05; transposed ones keep theirs, as published."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.normal_(layer.weight, std=STD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
