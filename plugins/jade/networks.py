"""The networks of the paper for pictures, after its table: convolutions of SVHN and of MNIST, and their mirrors."""

from itertools import pairwise

from torch import nn

from unbraid.core.interfaces import LatentSpec
from unbraid.core.nn import pooled

# Shapes: B rows, D numbers of a frozen latent, which comes and goes flattened.

#: Channels of the convolutions, of grey maps (MNIST) and of others (SVHN). Max pools follow the first three of them.
GREY = (32, 32, 16)
COLOUR = (64, 96, 64, 8)
POOLS = 3
#: Smallest map the convolutions take: three times a half of it leaves one position.
SMALLEST = 2**POOLS


def convolutional_encoder(latent: LatentSpec, outputs: int) -> nn.Module:
    """Make the convolutions and the layer that reads their map: `(B, D)` -> `(B, outputs)`.

    The map has 4 x 4 x 8 = 128 numbers of 32 x 32 in colour, 3 x 3 x 16 = 144 of 28 x 28 in grey.
    """
    channels = _channels(latent)
    last = (
        layer
        for before, after in pairwise(channels[POOLS:])
        for layer in (nn.Conv2d(before, after, 3, padding=1), nn.ReLU())
    )
    stages = (*pooled(channels[: POOLS + 1]), *last)
    return nn.Sequential(nn.Unflatten(1, latent.shape), *stages, nn.Flatten(), nn.Linear(_features(latent), outputs))


def convolutional_decoder(latent: LatentSpec, codes: int) -> nn.Module:
    """Make the mirror, `(B, codes)` -> `(B, D)`: where the encoder pools, the nearest neighbours are repeated.

    Maps get the sizes they had: of 28 x 28 the first one goes from 3 x 3 to 7 x 7, the others double. The last layer is
    linear.
    """
    channels = tuple(reversed(_channels(latent)))
    unpooled = len(channels) - 1 - POOLS
    sizes = _sizes(latent)
    start = (channels[0], *sizes.pop())
    layers: list[nn.Module] = [nn.Linear(codes, _features(latent)), nn.ReLU(), nn.Unflatten(1, start)]
    for place, (before, after) in enumerate(pairwise(channels)):
        if place >= unpooled:
            layers.append(nn.Upsample(sizes.pop()))
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Flatten())


def _channels(latent: LatentSpec) -> tuple[int, ...]:
    """Give the channels of all maps, that of the latent first."""
    return (latent.shape[0], *(GREY if latent.shape[0] == 1 else COLOUR))


def _sizes(latent: LatentSpec) -> list[tuple[int, int]]:
    """Give height and width of the maps before, between and after the pools."""
    _, height, width = latent.shape
    return [(height >> pools, width >> pools) for pools in range(POOLS + 1)]


def _features(latent: LatentSpec) -> int:
    """Give the numbers of the last map."""
    height, width = _sizes(latent)[-1]
    return _channels(latent)[-1] * height * width
