"""The convolutional networks of the MNIST and sprites tables of Jha et al. 2018, for maps of any size from 23 up."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor, nn

KERNEL_DOWN, KERNEL_UP = 5, 4


def grid_of(size: tuple[int, int], stages: int) -> tuple[int, int]:
    """Give height and width of a map of this size after so many stages of `down`.

    >>> grid_of((28, 28), 3), grid_of((60, 60), 4)
    ((2, 2), (2, 2))
    """
    height, width = size
    for _ in range(stages):
        height, width = ((side + 2 - KERNEL_DOWN) // 2 + 1 for side in (height, width))
    return (height, width)


def smallest_side(stages: int) -> int:
    """Give the smallest side that so many stages of `down` leave 2 of: instance norm needs more than one position.

    >>> smallest_side(3), grid_of((23, 22), 3)
    (23, (2, 1))
    """
    side = 2
    for _ in range(stages):
        side = 2 * side + 1
    return side


def down(channels: Sequence[int]) -> Iterator[nn.Module]:
    """Halve a map with every step: kernel 5, stride 2, padding 1, instance norm, ReLU.

    Instance norm has no parameters and no running statistics: it sees each map by itself, in training and after.
    """
    for before, after in pairwise(channels):
        yield nn.Conv2d(before, after, KERNEL_DOWN, stride=2, padding=1)
        yield nn.InstanceNorm2d(after)
        yield nn.ReLU()


def up(channels: Sequence[int], grid: tuple[int, int], size: tuple[int, int], slope: float) -> Iterator[nn.Module]:
    """Double a map with every step up to `size`: kernel 4, stride 2, instance norm, leaky ReLU; the last one linear.

    Args:
        channels: of the first map, and after each step.
        grid: height and width of the first map.
        size: of the last one. Where doubling overshoots, what is too much is cut off on all sides alike.
        slope: of the leaky ReLU.
    """
    sides = list(grid)
    for before, after in pairwise(channels[:-1]):
        yield nn.ConvTranspose2d(before, after, KERNEL_UP, stride=2)
        yield nn.InstanceNorm2d(after)
        yield nn.LeakyReLU(slope)
        sides = [2 * side + 2 for side in sides]
    enough = all(2 * side >= wanted for side, wanted in zip(sides, size, strict=True))
    yield nn.ConvTranspose2d(channels[-2], channels[-1], KERNEL_UP, stride=2, padding=1 if enough else 0)
    yield Crop(size)


class Crop(nn.Module):
    """The middle of a map: `(B, C, H, W)` -> `(B, C, *size)`."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Cut."""
        height, width = self.size
        top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
        return x[:, :, top : top + height, left : left + width]
