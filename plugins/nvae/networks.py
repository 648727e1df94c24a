"""The networks of N-VAE: fully connected ones, and convolutions for maps."""

from typing import NamedTuple

from torch import nn

from unbraid.core.interfaces import LatentSpec
from unbraid.core.nn import MLP
from unbraid.plugins.nvae.config import NVAEConfig

# Shapes: B rows, C classes, D numbers of a frozen latent, T of the trunk.

#: Smallest map the convolutions take: it leaves 2 x 2 positions.
SMALLEST = 8
CHANNELS = (64, 128)
WIDTH = 1024
SLOPE = 0.01


class Networks(NamedTuple):
    """What N-VAE learns beside its gate; latents are flattened on both sides."""

    trunk: nn.Module  # (B, D) -> (B, T), for encoder and classifier
    encoder: nn.Module  # (B, T) -> means and log-variances
    classifier: nn.Module  # (B, T) -> (B, C)
    decoder: nn.Module  # what the gate gives -> (B, D)


def fully_connected(config: NVAEConfig, dim: int, classes: int) -> Networks:
    """Make an encoder, a classifier and a decoder that share nothing.

    There is no batch norm: rows that are decoded as every class would spoil the statistics.
    """
    codes = config.shared + config.class_dependent
    return Networks(
        trunk=nn.Identity(),
        encoder=MLP((dim, *config.trunk, 2 * codes), norm_first=False),
        classifier=MLP((dim, *config.classifier, classes), norm_first=False),
        decoder=MLP((codes + config.class_dependent, *config.decoder, dim), norm_first=False),
    )


def convolutional(config: NVAEConfig, latent: LatentSpec, classes: int) -> Networks:
    """Make a convolutional trunk with three linear heads, and its mirror.

    Convolutions 4 x 4 of stride 2 and padding 1 to 64 and 128 channels, a linear layer of 1024, leaky ReLU: of the MNIST
    autoencoder that an author of N-VAE had published before. For 28 x 28 the last map is 128 x 7 x 7.
    """
    first, second = CHANNELS
    colours, *size = latent.shape
    half, quarter = ([side // part for side in size] for part in (2, 4))
    grid = (second, *quarter)
    width = second * quarter[0] * quarter[1]
    codes = config.shared + config.class_dependent
    trunk = nn.Sequential(
        nn.Unflatten(1, latent.shape),
        nn.Conv2d(colours, first, 4, stride=2, padding=1),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(first, second, 4, stride=2, padding=1),
        nn.LeakyReLU(SLOPE),
        nn.Flatten(),
        nn.Linear(width, WIDTH),
        nn.LeakyReLU(SLOPE),
    )
    decoder = nn.Sequential(
        nn.Linear(codes + config.class_dependent, WIDTH),
        nn.LeakyReLU(SLOPE),
        nn.Linear(WIDTH, width),
        nn.LeakyReLU(SLOPE),
        nn.Unflatten(1, grid),
        _doubling(second, first, half),
        nn.LeakyReLU(SLOPE),
        _doubling(first, colours, size),
        nn.Flatten(),
    )
    return Networks(trunk, nn.Linear(WIDTH, 2 * codes), nn.Linear(WIDTH, classes), decoder)


def _doubling(before: int, after: int, size: list[int]) -> nn.Module:
    """Mirror a convolution that halved a map of this size; an odd side had lost one position, which comes back."""
    odd = (size[0] % 2, size[1] % 2)
    return nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, output_padding=odd)
