"""Interventional robustness score."""

import numpy as np
import numpy.typing as npt

from unbraid.core.evaluation.scalar.inputs import check_inputs

Floats = npt.NDArray[np.floating]

#: The largest deviation, less one outlier in a hundred.
QUANTILE = 0.99


def irs(codes: Floats, factors: npt.NDArray[np.integer]) -> float:
    """How little each code moves under changes of all factors but one (Suter et al. 2019), weighted by its range.

    For each value of a factor the 99 % quantile of the deviation from the mean at that value, averaged over values,
    relative to the code's largest deviation; 1 less that, for the best factor of each code. Constant codes are
    dropped.

    Args:
        codes: `(n, d)`.
        factors: `(n, k)`.

    Returns:
        In [0, 1]; 0 where every code is constant.
    """
    check_inputs(codes, factors)
    largest = np.abs(codes - codes.mean(0)).max(0)
    alive = largest > 1e-9 * np.abs(codes).max(0)  # the mean of a constant code is off by its rounding
    if not alive.any():
        return 0.0
    deviations = np.stack([_deviation(codes[:, alive], factor) for factor in factors.T], axis=1)
    robust = (1 - deviations / largest[alive, None]).max(1)
    return float(np.average(robust, weights=largest[alive]))


def _deviation(codes: Floats, factor: npt.NDArray[np.integer]) -> Floats:
    parts = [codes[factor == value] for value in np.unique(factor)]
    found: Floats = np.mean([np.quantile(np.abs(part - part.mean(0)), QUANTILE, axis=0) for part in parts], axis=0)
    return found
