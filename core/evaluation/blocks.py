"""Scores of blocks of numbers: how labels spread over factors, from what a probe reads of each label in each factor.

All take a matrix `(B, J)`: B blocks, J labels, entries not negative, say normalised accuracies or nats; and give a
number in [0, 1], 1 for one label a block and one block a label. A matrix of zeros scores 0: nothing was read.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]


def modularity(information: Floats) -> float:
    """Whether each block speaks of one label only (Ridgeway & Mozer 2018, over blocks); mean over blocks.

    `1 - (sum_j m^2 - max_j m^2) / (max_j m^2 (J - 1))`; an empty block scores 0.

    Args:
        information: `(B, J)`, J at least 2.

    >>> modularity(np.array([[1.0, 0.0], [0.0, 1.0]])), modularity(np.array([[1.0, 1.0], [1.0, 1.0]]))
    (1.0, 0.0)
    """
    squares = np.square(information)
    largest = squares.max(1)
    elsewhere = (squares.sum(1) - largest) / (np.maximum(largest, 1e-30) * (information.shape[1] - 1))
    return float(np.where(largest > 0, 1 - elsewhere, 0.0).mean())


def disentanglement(importance: Floats) -> float:
    """DCI's disentanglement (Eastwood & Williams 2018): `sum_b rho_b (1 - H_J(importance of b))`.

    rho_b is the share of block b in all importance; the entropy is in base J.

    >>> disentanglement(np.array([[1.0, 0.0], [0.0, 3.0]])), disentanglement(np.ones((2, 2)))
    (1.0, 0.0)
    """
    weights = importance.sum(1)
    if weights.sum() <= 0:
        return 0.0
    return float((weights / weights.sum() * (1 - _entropy(importance))).sum())


def completeness(importance: Floats) -> float:
    """DCI's completeness: the same for each label over blocks, entropy in base B.

    >>> completeness(np.array([[1.0, 0.0], [1.0, 0.0]]))
    0.0
    """
    return disentanglement(importance.T)


def gaps(information: Floats, belongs: Bools) -> Floats:
    """What the best block a label belongs in has more than the best of the others: `(J,)`, in [-1, 1] for shares.

    Args:
        information: `(B, J)`.
        belongs: `(B, J)` whether a label belongs in a block; a label with no block in or no block out has nothing there.
    """
    inside = np.where(belongs, information, 0.0).max(0)
    outside = np.where(belongs, 0.0, information).max(0)
    found: Floats = inside - outside
    return found


def _entropy(rows: Floats) -> Floats:
    """Entropy of each row as a distribution, in the base of their length: `(B,)`; 1 of an empty one."""
    total = rows.sum(1, keepdims=True)
    share = rows / np.where(total > 0, total, 1.0)
    logs = np.log(np.where(share > 0, share, 1.0))
    if rows.shape[1] < 2:
        return np.zeros(len(rows))
    entropy: Floats = np.where(total[:, 0] > 0, -(share * logs).sum(1) / np.log(rows.shape[1]), 1.0)
    return entropy
