"""A discriminator of pairs: do the two share their class, or was the second made up?"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unbraid.core.nn.initialisers import initialise
from unbraid.core.nn.mlp import MLP

CHANNELS = (32, 64, 128)
HIDDEN = (512, 256)
SLOPE = 0.2
#: Smallest map of which three convolutions of stride 2 leave more than one position.
SMALLEST_MAP = 23

#: Two batches of the same shape, row by row a pair.
Pair = tuple[Tensor, Tensor]


class PairDiscriminator(nn.Module):
    """Two `(B, *shape)` -> logits `(B, 2)`: (made up, one class).

    Maps from 23 x 23 are laid on top of each other and pass three convolutions (kernel 5, stride 2, padding 1; 32, 64
    and 128 channels; instance norm, leaky ReLU 0.2), as in the re-implementation of Mathieu et al. 2016 by Jha et al.;
    anything else an MLP with hidden widths 512 and 256. Starting weights as `initialise(..., "glorot")` draws them.

    Args:
        shape: of one member.

    >>> PairDiscriminator((1, 28, 28))(torch.zeros(3, 1, 28, 28), torch.zeros(3, 1, 28, 28)).shape
    torch.Size([3, 2])
    """

    #: Share of right verdicts in the last `judge` while training; a scalar on the device.
    accuracy: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.is_map = len(shape) == 3 and min(shape[1:]) >= SMALLEST_MAP
        self.network = nn.Sequential(*_convolutions(shape)) if self.is_map else _fully_connected(shape)
        self.register_buffer("accuracy", torch.zeros(()))
        initialise(self, "glorot")

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Give the logits of pairs."""
        members = (first, second) if self.is_map else (first.flatten(1), second.flatten(1))
        logits: Tensor = self.network(torch.cat(members, 1))
        return logits

    def judge(self, real: Pair, made_up: Pair) -> Tensor:
        """Give the mean cross-entropy of telling both kinds of pair apart, and note the accuracy when training."""
        logits = self(*(torch.cat(members) for members in zip(real, made_up, strict=True)))
        truth = torch.arange(len(logits), device=logits.device) < len(real[0])
        if self.training:
            with torch.no_grad():
                self.accuracy.copy_((logits.argmax(1) == truth).to(self.accuracy).mean())
        return F.cross_entropy(logits, truth.long())

    def deceived(self, first: Tensor, second: Tensor) -> Tensor:
        """Give the mean cross-entropy of taking made-up pairs for pairs of one class: what a generator descends on."""
        logits = self(first, second)
        return F.cross_entropy(logits, torch.ones(len(logits), dtype=torch.long, device=logits.device))


def _fully_connected(shape: tuple[int, ...]) -> nn.Module:
    width = torch.Size(shape).numel()
    return MLP((2 * width, *HIDDEN, 2), norm_first=False, slope=SLOPE)


def _convolutions(shape: tuple[int, ...]) -> Iterator[nn.Module]:
    before, (height, width) = 2 * shape[0], shape[1:]
    for after in CHANNELS:
        yield nn.Conv2d(before, after, 5, stride=2, padding=1)
        yield nn.InstanceNorm2d(after)
        yield nn.LeakyReLU(SLOPE)
        before, height, width = after, (height - 3) // 2 + 1, (width - 3) // 2 + 1
    yield nn.Flatten()
    yield nn.Linear(before * height * width, 2)
