"""The nearest-neighbour attacker: no training, and blind to nothing that keeps like samples close."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

#: Numbers of neighbours tried; leave-one-out accuracy on the training part decides.
CANDIDATES = (1, 5, 15)
#: Training samples left out in turn, at most.
LEFT_OUT = 2000
#: Queries a block of distances.
CHUNK = 512


class Neighbours(NamedTuple):
    """What k neighbours read: test accuracy, leave-one-out accuracy, log-loss of each test sample, and k."""

    accuracy: float
    train_accuracy: float
    nats: Tensor
    k: int


def read_by_neighbours(fit: Tensor, target: Tensor, test: Tensor, wanted: Tensor, classes: int) -> Neighbours:
    """Classify by a vote of the k nearest training samples, Euclidean; the nearer one decides a tie.

    Class probabilities are `(votes + frequency of the class) / (k + 1)`, so that none is zero.

    Args:
        fit: `(n, width)` training codes, standardised.
        target: `(n,)` their classes.
        test: `(m, width)` test codes.
        wanted: `(m,)` their classes.
        classes: number of classes.
    """
    most = min(max(CANDIDATES), len(fit) - 1)
    some = torch.linspace(0, len(fit) - 1, min(len(fit), LEFT_OUT), device=fit.device).long()
    alone = target[_nearest(fit[some], fit, most, some)]
    by_k = {k: _right(alone[:, :k], target[some], classes) for k in CANDIDATES if k <= most}
    k = max(by_k, key=lambda each: (by_k[each], -each))
    found = target[_nearest(test, fit, k)]
    prior = torch.bincount(target, minlength=classes) / len(target)
    votes = torch.zeros(len(test), classes, device=fit.device).scatter_add_(1, found, torch.ones_like(found.float()))
    probability = ((votes + prior) / (k + 1)).gather(1, wanted[:, None])[:, 0]
    return Neighbours(_right(found, wanted, classes), by_k[k], -probability.log(), k)


def _nearest(queries: Tensor, fit: Tensor, k: int, own: Tensor | None = None) -> Tensor:
    """Positions of the k nearest rows of `fit`, `(m, k)`, nearest first; `own` are the queries' own, left out."""
    norms = fit.square().sum(1)
    parts = []
    for rows in _chunks(len(queries)):
        distances = norms - 2 * queries[rows] @ fit.T
        if own is not None:
            distances.scatter_(1, own[rows, None], torch.inf)
        parts.append(distances.topk(k, dim=1, largest=False, sorted=True).indices)
    return torch.cat(parts)


def _right(neighbours: Tensor, wanted: Tensor, classes: int) -> float:
    # a weight that falls a little with the rank: never enough to outvote, enough to break ties
    weights = 1 - 1e-3 * torch.arange(neighbours.shape[1], device=neighbours.device).expand(neighbours.shape)
    votes = torch.zeros(len(neighbours), classes, device=neighbours.device).scatter_add_(1, neighbours, weights)
    return float((votes.argmax(1) == wanted).float().mean())


def _chunks(n: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, n, CHUNK))
