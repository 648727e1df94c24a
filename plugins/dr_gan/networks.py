"""The networks of DR-GAN: fully connected ones, and those of the paper for pictures."""

import math
from typing import NamedTuple

from torch import nn

from unbraid.core.interfaces import LatentSpec
from unbraid.core.nn import MLP, initialise
from unbraid.plugins.dr_gan.config import DRGANConfig

# Shapes: B rows, D numbers of a frozen latent, which comes and goes flattened.

#: Channels of the paper's convolutions; the first one of a row halves the map, but for that of the first row. One more
#: ends the last row, of as many channels as the network gives numbers.
BLOCKS = ((32, 64), (64, 64, 128), (128, 96, 192), (192, 128, 256), (256, 160))
#: Smallest map they take: four times a half of it leaves one position.
SMALLEST = 2 ** (len(BLOCKS) - 1)
#: Of the leaky ReLU of a fully connected discriminator.
SLOPE = 0.2
#: Deviation of the starting weights of convolutions.
STD = 0.02


class Networks(NamedTuple):
    """What a head of DR-GAN and its discriminator are made of."""

    encoder: nn.Module  # (B, D) -> (B, identity)
    decoder: nn.Module  # (B, identity + poses + noise) -> (B, D)
    reader: nn.Module  # (B, D) -> (B, poses)
    judge: nn.Module  # (B, D) -> (B, identities + 1 + poses)


class Step(NamedTuple):
    """A convolution 3 x 3 between two maps."""

    before: int
    after: int
    stride: int


def fully_connected(config: DRGANConfig, width: int, identities: int, poses: int) -> Networks:
    """Make MLPs for latents of `width` numbers."""
    networks = Networks(
        encoder=MLP((width, *config.encoder, config.identity), norm_first=False),
        decoder=MLP((config.identity + poses + config.noise, *config.decoder, width), norm_first=False),
        reader=MLP((width, *config.reader, poses), norm_first=False),
        judge=MLP((width, *config.discriminator, identities + 1 + poses), norm_first=False, slope=SLOPE),
    )
    for network in networks:
        initialise(network, "glorot")
    return networks


def convolutional(config: DRGANConfig, latent: LatentSpec, identities: int, poses: int) -> Networks:
    """Make the networks of the paper's table, of which the first, the third and the fourth begin alike."""
    codes, width = config.identity + poses + config.noise, config.identity
    networks = Networks(
        encoder=falling(latent, width),
        decoder=rising(latent, codes, width),
        reader=nn.Sequential(falling(latent, width), nn.Linear(width, poses)),
        judge=nn.Sequential(falling(latent, width), nn.Linear(width, identities + 1 + poses)),
    )
    for network in networks:
        draw_normal(network)
    return networks


def falling(latent: LatentSpec, width: int) -> nn.Module:
    """Make fourteen convolutions with batch norm and ELU, and the mean over positions: `(B, D)` -> `(B, width)`."""
    layers: list[nn.Module] = [nn.Unflatten(1, latent.shape)]
    for before, after, stride in steps(latent, width):
        layers += [nn.Conv2d(before, after, 3, stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ELU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def rising(latent: LatentSpec, codes: int, width: int) -> nn.Module:
    """Make the mirror of that, `(B, codes)` -> `(B, D)`: of pictures of 96 x 96 the first map is 6 x 6.

    Pictures come out of a sigmoid, which is the paper's hyperbolic tangent for values in [0, 1].
    """
    down = steps(latent, width)
    sizes = [latent.shape[1:]]
    for step in down:
        sizes.append(tuple((side - 1) // step.stride + 1 for side in sizes[-1]))
    start = (width, *sizes.pop())
    layers: list[nn.Module] = [nn.Linear(codes, math.prod(start)), nn.Unflatten(1, start)]
    for before, after, stride in reversed(down):
        height, breadth = (1 - side % 2 if stride == 2 else 0 for side in sizes.pop())
        layers += [
            nn.ConvTranspose2d(after, before, 3, stride, padding=1, output_padding=(height, breadth), bias=False),
            nn.BatchNorm2d(before),
            nn.ELU(),
        ]
    last = [nn.Sigmoid()] if latent.is_picture else []
    return nn.Sequential(*layers[:-2], *last, nn.Flatten())


def steps(latent: LatentSpec, width: int) -> list[Step]:
    """Give the convolutions that lead from a latent to its code.

    >>> [step.after for step in steps(LatentSpec((3, 96, 96)), 320) if step.stride == 2]
    [64, 128, 192, 256]
    """
    found: list[Step] = []
    before = latent.shape[0]
    for row, block in enumerate((*BLOCKS[:-1], (*BLOCKS[-1], width))):
        for place, after in enumerate(block):
            found.append(Step(before, after, 2 if row and not place else 1))
            before = after
    return found


def draw_normal(network: nn.Module) -> None:
    """Draw weights with deviation 0.02; biases become zero, and batch norm keeps its own."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=STD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
