"""Fully connected networks."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import nn

from unbraid.core.errors import ConfigError


class MLP(nn.Sequential):
    """Fully connected layers: (dropout, linear, batch norm on the first, leaky ReLU), the last one linear.

    `(B, widths[0])` -> `(B, widths[-1])`. Layers are named `linear1`, `norm1`, ..., whatever the dropout.

    Args:
        widths: of the input, the hidden layers and the output.
        norm_first: batch norm after the first linear layer, where there is a hidden layer.
        dropout: probability, before every linear layer.
        slope: of the leaky ReLU below zero.
        bias: whether linear layers have one.

    Raises:
        ConfigError: fewer than two widths, a width below 1, or a dropout outside [0, 1).

    >>> import torch
    >>> MLP((8, 16, 2))(torch.zeros(3, 8)).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        norm_first: bool = True,
        dropout: float = 0.0,
        slope: float = 0.01,
        bias: bool = True,
    ) -> None:
        if len(widths) < 2 or min(widths) < 1:
            raise ConfigError("an MLP needs an input and an output width", expected="two or more, >= 1", found=widths)
        if not 0 <= dropout < 1:
            raise ConfigError("dropout is a probability", expected="0 <= dropout < 1", found=dropout)
        self.widths = tuple(widths)
        super().__init__(OrderedDict(_layers(self.widths, norm_first, dropout, slope, bias)))


def _layers(
    widths: tuple[int, ...], norm_first: bool, dropout: float, slope: float, bias: bool
) -> Iterator[tuple[str, nn.Module]]:
    last = len(widths) - 1
    for i, (fan_in, fan_out) in enumerate(pairwise(widths), start=1):
        if dropout:
            yield f"dropout{i}", nn.Dropout(dropout)
        yield f"linear{i}", nn.Linear(fan_in, fan_out, bias=bias)
        if i == last:
            return
        if i == 1 and norm_first:
            yield "norm1", nn.BatchNorm1d(fan_out)
        yield f"activation{i}", nn.LeakyReLU(slope)
