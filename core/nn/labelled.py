"""What methods share that know a closed set of classes and learn from rows of which some have no label."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from unbraid.core.errors import LabelError

# Shapes: B rows, C classes of the data set.

#: How far below the lowest logit those of classes without training rows are: a share of 1e-13.
UNSEEN = 30.0


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


def one_hot(label: Tensor, logits: Tensor) -> Tensor:
    """Give `(B, C)` with a one at each label, of the width and dtype of `logits`; a missing label gives class 0."""
    # not F.one_hot, which reads the largest label to compare it with the width
    return torch.zeros_like(logits).scatter_(1, label.clamp_min(0).unsqueeze(1), 1)


def class_weights(label: Tensor, logits: Tensor) -> Tensor:
    """Give the share of each class in each row: all of the label's, or q(y|x) where it is missing.

    Args:
        label: `(B,)`; -1 is missing.
        logits: of q(y|x), `(B, C)`.

    Returns:
        `(B, C)`, rows sum to 1.

    >>> import torch
    >>> class_weights(torch.tensor([1, -1]), torch.zeros(2, 2))
    tensor([[0.0000, 1.0000],
            [0.5000, 0.5000]])
    """
    return torch.where((label < 0).unsqueeze(1), logits.softmax(1), one_hot(label, logits))


def divergence_from_uniform(logits: Tensor) -> Tensor:
    """Give KL(q(y|x) || uniform) over the classes whose logits `(B, C)` there are, in nats, `(B,)`.

    >>> import torch
    >>> divergence_from_uniform(torch.zeros(1, 5))
    tensor([0.])
    """
    log_q = logits.log_softmax(1)
    return (log_q.exp() * (log_q + math.log(logits.shape[1]))).sum(1)


def seen_classes(label: Tensor, classes: int, *, by: str) -> Tensor:
    """Say which classes have rows with a label, `(C,)` bool.

    Args:
        label: `(n,)` of the training rows; -1 is missing.
        classes: C.
        by: the method that asks, for the message.

    Raises:
        LabelError: no row has a label.
    """
    counts = label[label >= 0].bincount(minlength=classes)
    if not counts.any():
        raise LabelError(
            f"{by} needs some labels", expected="training rows with a content label", found="none, all are missing"
        )
    return counts > 0


def lower_unseen(logits: Tensor, seen: Tensor) -> Tensor:
    """Put the logits `(B, C)` of classes outside `seen` `(C,)` below all others, so that they are never chosen."""
    return torch.where(seen, logits, logits.detach().amin(1, keepdim=True) - UNSEEN)
