"""A small decoder from any latent to pictures of any size."""

import torch
from torch import Tensor, nn

from unbraid.core.interfaces import ImageSpec, LatentSpec
from unbraid.core.new_decoder import LatentDecoder

#: Sides of the first map: doubling starts here.
SMALLEST_MAP = 4
#: Below this a number of the latent hardly varies, and is not blown up.
STD_FLOOR = 1e-3


def stage_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Give the sizes of the maps from the smallest to the picture; a stage doubles them, or one less.

    >>> stage_sizes(28, 20)
    [(4, 3), (7, 5), (14, 10), (28, 20)]
    """
    sizes = [(height, width)]
    while max(sizes[0]) > SMALLEST_MAP:
        sizes.insert(0, ((sizes[0][0] + 1) // 2, (sizes[0][1] + 1) // 2))
    return sizes


class FeatureDecoder(LatentDecoder):
    """Latents `(B, *latent)` -> pictures `(B, C, H, W)` in (0, 1).

    A linear layer makes a small map of the standardised latent; stages enlarge it, each followed by a convolution.

    Args:
        latent: of the encoder.
        image: what comes out.
        base: channels of the last maps; the ones before have twice as many.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, latent: LatentSpec, image: ImageSpec, base: int) -> None:
        super().__init__()
        sizes = stage_sizes(image.height, image.width)
        self.first = (2 * base, *sizes[0])
        self.register_buffer("mean", torch.zeros(latent.width))
        self.register_buffer("std", torch.ones(latent.width))
        self.spread = nn.Sequential(nn.Linear(latent.width, 2 * base * sizes[0][0] * sizes[0][1]), nn.SiLU())
        channels = [2 * base] * (len(sizes) - 1) + [base]
        steps = zip(channels, channels[1:], sizes[1:], strict=False)
        self.stages = nn.Sequential(*[_enlarge(before, after, size) for before, after, size in steps])
        self.last = nn.Conv2d(channels[-1], image.channels, 3, padding=1)

    def start_from(self, mean: Tensor, variance: Tensor) -> None:
        """Take mean and variance of the training latents, each `(*latent)`."""
        self.mean.copy_(mean.flatten())
        self.std.copy_(variance.sqrt().clamp_min(STD_FLOOR).flatten())

    def forward(self, z: Tensor) -> Tensor:
        """Decode a batch of latents."""
        standard = (z.flatten(1) - self.mean) / self.std
        pictures: Tensor = self.last(self.stages(self.spread(standard).view(-1, *self.first))).sigmoid()
        return pictures


def _enlarge(before: int, after: int, size: tuple[int, int]) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
    return nn.Sequential(nn.Upsample(size=size), convolution, nn.BatchNorm2d(after), nn.SiLU())
