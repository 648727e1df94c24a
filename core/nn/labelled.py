"""Losses of rows of which some have no label."""

from torch import Tensor
from torch.nn import functional as F


def labelled_cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """Average the cross-entropy over the rows that have a label; 0 where none has.

    Args:
        logits: `(B, C)`.
        label: `(B,)`; -1 is missing.

    >>> import torch
    >>> labelled_cross_entropy(torch.zeros(2, 4), torch.tensor([3, -1]))
    tensor(1.3863)
    """
    total = F.cross_entropy(logits, label, ignore_index=-1, reduction="sum")
    return total / (label >= 0).sum().clamp_min(1)
