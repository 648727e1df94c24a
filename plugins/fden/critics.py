"""Who plays against the disentangler: the statistician with layers for each factor, and the class adversary."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unbraid.core.nn import MLP

#: Hidden width of the class adversary.
HIDDEN = 256


class BranchedStatistician(nn.Module):
    """A statistician that looks at each factor by itself before it joins them, as in the authors' code.

    Args:
        factors: how many there are.
        width: of one factor.
        branch: widths of the layers of each factor; the last is what is joined.
        hidden: hidden widths after that.
        dropout, slope, bias: of the layers.

    `(B, factors * width)` -> `(B, 1)`.
    """

    def __init__(
        self,
        factors: int,
        width: int,
        branch: Sequence[int],
        hidden: Sequence[int],
        *,
        dropout: float,
        slope: float,
        bias: bool,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            MLP((width, *branch), dropout=dropout, slope=slope, bias=bias) for _ in range(factors)
        )
        self.joint = MLP((factors * branch[-1], *hidden, 1), dropout=dropout, slope=slope, bias=bias)

    def forward(self, joined: Tensor) -> Tensor:
        """Give T of factors side by side."""
        parts = joined.chunk(len(self.branches), 1)
        values: Tensor = self.joint(torch.cat([each(part) for each, part in zip(self.branches, parts, strict=True)], 1))
        return values


class ClassAdversary(nn.Module):
    """A classifier of the content label; what it reads from is trained against it.

    Args:
        width: of what it reads.
        classes: number of classes.
        slope: of the leaky ReLU below zero.
    """

    def __init__(self, width: int, classes: int, *, slope: float) -> None:
        super().__init__()
        self.network = MLP((width, HIDDEN, classes), slope=slope)

    def forward(self, codes: Tensor, labels: Tensor) -> Tensor:
        """Give the mean cross-entropy of codes `(B, width)` and labels `(B,)`; rows without a label (-1) count not."""
        lost = F.cross_entropy(self.network(codes), labels, ignore_index=-1, reduction="sum")
        return lost / (labels >= 0).sum().clamp_min(1)
