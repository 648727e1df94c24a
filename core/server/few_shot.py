"""Labels for queries from a few labelled examples."""

from typing import NamedTuple

import numpy as np

from unbraid.core.server.tensors import Tensor

# Shapes: N support samples, Q queries, K classes among the support.


class Episode(NamedTuple):
    """The answer to a few-shot question.

    Args:
        label: `(Q,)`, the best class of each query.
        classes: `(K,)`, the labels there are, ascending.
        scores: `(Q, K)`, how well each class suits; higher is better.
    """

    label: Tensor
    classes: Tensor
    scores: Tensor


def class_scores(labels: Tensor, alike: Tensor) -> Episode:
    """Let each class have the mean of how alike its samples are to a query.

    Args:
        labels: `(N,)` of the support.
        alike: `(Q, N)`, higher is more alike.

    >>> class_scores(np.array([7, 3, 7]), np.array([[1.0, 4.0, 3.0]]))
    Episode(label=array([3]), classes=array([3, 7]), scores=array([[4., 2.]]))
    """
    classes = np.unique(labels)
    return _best(classes, np.stack([alike[:, labels == label].mean(1) for label in classes], axis=1))


def prototype_scores(labels: Tensor, support: Tensor, query: Tensor) -> Episode:
    """Score classes by minus the squared Euclidean distance of a query to their mean (Snell et al. 2017).

    Args:
        labels: `(N,)` of the support.
        support: `(N, *code)`.
        query: `(Q, *code)`.

    >>> prototype_scores(np.array([0, 1]), np.array([[0.0], [4.0]]), np.array([[1.0]])).scores.tolist()
    [[-1.0, -9.0]]
    """
    classes = np.unique(labels)
    known, asked = (codes.reshape(len(codes), -1).astype(np.float64) for codes in (support, query))
    means = np.stack([known[labels == label].mean(0) for label in classes])
    return _best(classes, -np.square(asked[:, None] - means).sum(-1))


def _best(classes: Tensor, scores: Tensor) -> Episode:
    """Choose the class with the highest score; the first of equals."""
    return Episode(classes[scores.argmax(1)], classes, scores)
