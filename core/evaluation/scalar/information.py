"""Mutual information of discretised codes and factors, in nats."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

#: Equal-width bins a code is cut in, from its smallest to its largest value.
BINS = 20


def discretise(codes: Floats, bins: int = BINS) -> Ints:
    """Cut every code in bins of equal width: `(n, d)` -> `(n, d)` integers from 1.

    As in disentanglement_lib: the bins are those of `numpy.histogram`, over the sample at hand.

    >>> discretise(np.array([[0.0], [0.4], [0.6], [1.0]]), bins=2).ravel().tolist()
    [1, 1, 2, 2]
    """
    edges = [np.histogram_bin_edges(column, bins)[:-1] for column in codes.T]
    return np.stack([np.digitize(column, edge) for column, edge in zip(codes.T, edges, strict=True)], axis=1)


def information(codes: Floats, factors: Ints, bins: int = BINS) -> Floats:
    """Mutual information of each code with each factor, `(d, k)`, in nats."""
    cut = discretise(codes, bins)
    return np.array([[_mutual(code, factor) for factor in factors.T] for code in cut.T])


def entropy(factors: Ints) -> Floats:
    """Entropy of each factor, `(k,)`, in nats."""
    return np.array([_entropy(np.unique(factor, return_counts=True)[1]) for factor in factors.T])


def _mutual(first: Ints, second: Ints) -> float:
    a, b = np.unique(first, return_inverse=True)[1], np.unique(second, return_inverse=True)[1]
    joint = np.bincount(a * (b.max() + 1) + b)
    return max(0.0, _entropy(np.bincount(a)) + _entropy(np.bincount(b)) - _entropy(joint))


def _entropy(counts: Ints) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
