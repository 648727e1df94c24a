"""A normalising flow on the last dimension of a tensor (Esser et al. 2020, supplement).

Shapes: B rows, P positions (none for vectors), W numbers; every layer maps `(B, *P, W)` to the same shape and gives
`log |det|` of its Jacobian, `(B,)`.
"""

import math

import torch
from torch import Tensor, nn
from unbraid.core.nn import MLP

#: Smallest deviation that is scaled to 1: numbers that never change stay what they are.
FLOOR = 1e-3


class Bijection(nn.Module):
    """A map that can be undone."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give `y`, of the shape of `x`, and `log |det dy/dx|`."""
        raise NotImplementedError

    def inverse(self, y: Tensor) -> Tensor:
        """Give `x`."""
        raise NotImplementedError


class Normalise(Bijection):
    """A factor and a shift for each number, started so that what comes out has mean 0 and variance 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Shift, then scale."""
        positions = math.prod(x.shape[1:-1])
        return (x + self.shift) * self.log_scale.exp(), (positions * self.log_scale.sum()).expand(x.shape[0])

    def inverse(self, y: Tensor) -> Tensor:
        """Undo it."""
        return y * (-self.log_scale).exp() - self.shift

    @torch.no_grad()
    def start_from(self, x: Tensor) -> None:
        """Take the statistics of `(B, *P, W)`."""
        std, mean = torch.std_mean(x.flatten(0, -2), dim=0, correction=0)
        self.log_scale.copy_(-std.clamp_min(FLOOR).log())
        self.shift.copy_(-mean)


class Coupling(Bijection):
    """Each half says how the other is scaled and shifted, first the one and then the other.

    Logarithms of scales end in a tanh.
    """

    def __init__(self, width: int, hidden: int, depth: int) -> None:
        super().__init__()
        self.kept = width // 2
        self.of_second = _Amounts(self.kept, width - self.kept, hidden, depth)
        self.of_first = _Amounts(width - self.kept, self.kept, hidden, depth)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Change the second half, then the first."""
        first, second = x[..., : self.kept], x[..., self.kept :]
        scale, shift = self.of_second(first)
        second = second * scale.exp() + shift
        other_scale, other_shift = self.of_first(second)
        first = first * other_scale.exp() + other_shift
        return torch.cat([first, second], -1), scale.flatten(1).sum(1) + other_scale.flatten(1).sum(1)

    def inverse(self, y: Tensor) -> Tensor:
        """Undo it, the first half first."""
        first, second = y[..., : self.kept], y[..., self.kept :]
        scale, shift = self.of_first(second)
        first = (first - shift) * (-scale).exp()
        scale, shift = self.of_second(first)
        return torch.cat([first, (second - shift) * (-scale).exp()], -1)


class _Amounts(nn.Module):
    """Two networks: logarithm of the scale, in (-1, 1), and shift."""

    def __init__(self, given: int, wanted: int, hidden: int, depth: int) -> None:
        super().__init__()
        widths = (given, hidden, *(hidden for _ in range(depth)), wanted)
        self.log_scale = MLP(widths, norm_first=False)
        self.shift = MLP(widths, norm_first=False)

    def forward(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        return torch.tanh(self.log_scale(kept)), self.shift(kept)


class Shuffle(Bijection):
    """A fixed random order of the numbers."""

    order: Tensor
    back: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        order = torch.randperm(width)
        self.register_buffer("order", order)
        self.register_buffer("back", order.argsort())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Shuffle; volumes stay as they are."""
        return x.index_select(-1, self.order), x.new_zeros(x.shape[0])

    def inverse(self, y: Tensor) -> Tensor:
        """Put them back."""
        return y.index_select(-1, self.back)


class Flow(Bijection):
    """Normalisation, coupling and shuffle, some times over.

    Args:
        width: W, at least 2.
        repeats: how many times.
        hidden, depth: of the networks in couplings.
    """

    def __init__(self, width: int, *, repeats: int, hidden: int, depth: int) -> None:
        super().__init__()
        blocks = ((Normalise(width), Coupling(width, hidden, depth), Shuffle(width)) for _ in range(repeats))
        self.layers = nn.ModuleList(layer for block in blocks for layer in block)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give `(B, *P, W)` and `log |det|`, `(B,)`."""
        volume = x.new_zeros(x.shape[0])
        for layer in self.layers:
            x, change = layer(x)
            volume = volume + change
        return x, volume

    def inverse(self, y: Tensor) -> Tensor:
        """Give `x` of `(B, *P, W)`."""
        for layer in reversed(self.layers):
            assert isinstance(layer, Bijection)
            y = layer.inverse(y)
        return y

    @torch.no_grad()
    def start_from(self, x: Tensor) -> None:
        """Start every normalisation from what reaches it of `(B, *P, W)`."""
        for layer in self.layers:
            if isinstance(layer, Normalise):
                layer.start_from(x)
            x = layer(x)[0]
