"""Convolutions that several papers have, and the maps they fit."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import nn

from unbraid.core.errors import CapabilityError
from unbraid.core.interfaces import LatentSpec

#: Positions of maps that convolutions see at once where they walk over a whole data set.
POSITIONS = 2**18


def takes_convolutions(network: str, latent: LatentSpec, smallest: int, *, by: str) -> bool:
    """Say whether a setting `network` means convolutions for this latent: `auto` does wherever they fit.

    Args:
        network: the setting; `convolutional` insists, and all but that and `auto` mean something else.
        latent: its shape.
        smallest: height and width that a map must have.
        by: what asks, for the message.

    Raises:
        CapabilityError: `convolutional`, and the latent is no map, or too small.

    >>> [takes_convolutions("auto", LatentSpec(shape), 16, by="mine") for shape in ((1, 28, 28), (4, 8, 8), (32,))]
    [True, False, False]
    """
    fits = latent.is_map and min(latent.shape[1:]) >= smallest
    if network == "convolutional" and not fits:
        raise CapabilityError(
            f"the convolutional network of {by} does not fit this latent",
            expected=f"a map of {smallest} x {smallest} or more",
            found=" x ".join(map(str, latent.shape)),
            hint="network=mlp, or another backbone: pixels has maps",
        )
    return fits and network in ("auto", "convolutional")


def pooled(channels: Sequence[int], *, norm: bool = False) -> Iterator[nn.Module]:
    """Halve a map with every step: convolution 3 x 3 that keeps the size, batch norm if asked for, ReLU, max pool 2.

    >>> [type(layer).__name__ for layer in pooled((1, 64), norm=True)]
    ['Conv2d', 'BatchNorm2d', 'ReLU', 'MaxPool2d']
    """
    for before, after in pairwise(channels):
        yield nn.Conv2d(before, after, 3, padding=1)
        if norm:
            yield nn.BatchNorm2d(after)
        yield nn.ReLU()
        yield nn.MaxPool2d(2)


def rows_at_once(latent: LatentSpec) -> int:
    """Say how many maps convolutions should see at once in a walk over a whole data set.

    >>> rows_at_once(LatentSpec((1, 32, 32)))
    256
    """
    return max(POSITIONS // math.prod(latent.shape[1:]), 1)
