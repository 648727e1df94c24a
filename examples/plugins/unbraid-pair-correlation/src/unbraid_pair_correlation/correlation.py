"""Correlation over all pairs of samples that share a label, without forming a pair."""

import numpy as np
import numpy.typing as npt
from unbraid import ProtocolError

Floats = npt.NDArray[np.float64]

#: Deviation below which a number is constant.
CONSTANT = 1e-6


def class_correlations(codes: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> Floats:
    """Correlate each number between the two samples of a pair, within every class, and average over numbers.

    In a class of n samples the mean product of all ordered pairs is `((sum x)^2 - sum x^2) / (n (n - 1))`, of numbers
    with mean 0 and variance 1 over all samples. The mean over classes is 1 where the label says everything, 0 where it
    says nothing.

    Args:
        codes: `(n, D)`; numbers that never change are left out.
        labels: `(n,)` class of each sample; -1 is missing, and classes of one sample are left out.

    Returns:
        One value a class with at least two samples, `(C,)`.

    Raises:
        ProtocolError: fewer than two such classes, or a code that never changes.

    >>> class_correlations(np.array([[1.0], [1.0], [-1.0], [-1.0]]), np.array([0, 0, 1, 1])).tolist()
    [1.0, 1.0]
    """
    classes, counts = np.unique(labels[labels >= 0], return_counts=True)
    kept, counts = classes[counts >= 2], counts[counts >= 2]
    if len(kept) < 2:
        raise ProtocolError(
            "pairs that share a label need classes", expected="two classes of two samples", found=f"{len(kept)}"
        )
    rows = np.isin(labels, kept)
    unit = _standardised(codes[rows].astype(np.float64))
    index = np.searchsorted(kept, labels[rows])
    sums, squares = np.zeros((2, len(kept), unit.shape[1]))
    np.add.at(sums, index, unit)
    np.add.at(squares, index, unit**2)
    products: Floats = (sums**2 - squares).mean(1) / (counts * (counts - 1))
    return products


def _standardised(codes: Floats) -> Floats:
    deviation = codes.std(0)
    changes = deviation > CONSTANT
    if not changes.any():
        raise ProtocolError("the code never changes", expected="numbers that vary", found="a constant")
    unit: Floats = (codes[:, changes] - codes[:, changes].mean(0)) / deviation[changes]
    return unit
