"""The modules toy backbones are made of."""

import torch
from torch import Tensor, nn

from unbraid.core.interfaces import Encoder, Posterior

#: (C, H, W) of the pictures toys take.
SIZE = (1, 8, 8)


class TwoHeads(nn.Module):
    """Gives (mean, log-variance), with batch norm and dropout on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3))
        self.mean, self.log_variance = nn.Linear(32, 8), nn.Linear(32, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`(B, 1, 8, 8)` -> `(B, 8)` twice."""
        h = self.trunk(x)
        return self.mean(h), self.log_variance(h) - 3


class Constant(nn.Module):
    """Gives latents whose first number never changes: whoever divides by its spread divides by zero."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Tanh())
        self.register_buffer("mask", (torch.arange(8) > 0).float(), persistent=False)
        self.mask: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """`(B, 1, 8, 8)` -> `(B, 8)`."""
        varied: Tensor = self.net(x)
        return varied * self.mask + (1 - self.mask)


class Scaled(nn.Module):
    """Multiplies what a module gives, or takes."""

    def __init__(self, module: nn.Module, before: float = 1.0, after: float = 1.0) -> None:
        super().__init__()
        self.module, self.before, self.after = module, before, after

    def forward(self, x: Tensor) -> Tensor:
        """Any shape; that of the module."""
        found: Tensor = self.module(x * self.before)
        return found * self.after


class Counting(nn.Module):
    """Counts its calls in training mode in a buffer, and has one that no `state_dict` shows."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("hidden", torch.randn(64), persistent=False)
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.hidden: Tensor
        self.calls: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """`(B, 64)` -> the same, a little moved."""
        if self.training:
            self.calls += 1
        return x + 0.01 * self.hidden


class Identity(Encoder):
    """z = x."""

    def forward(self, x: Tensor) -> Posterior:
        """Any shape; the same."""
        return Posterior(x)


def to_image(width: int = 8) -> nn.Module:
    """Make a decoder of vectors `(B, width)` to pictures."""
    return nn.Sequential(nn.Linear(width, 64), nn.Sigmoid(), nn.Unflatten(1, SIZE))
