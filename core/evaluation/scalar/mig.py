"""Mutual information gap."""

import numpy as np
import numpy.typing as npt

from unbraid.core.evaluation.scalar.information import BINS, entropy, information
from unbraid.core.evaluation.scalar.inputs import check_inputs


def mig(codes: npt.NDArray[np.floating], factors: npt.NDArray[np.integer], *, bins: int = BINS) -> float:
    """Mean over factors of the gap between the two most informative codes, by the factor's entropy (Chen et al. 2018).

    Args:
        codes: `(n, d)`, d at least 2.
        factors: `(n, k)`, none constant.
        bins: equal-width bins of a code.

    Returns:
        In [0, 1]; 1 where each factor is in exactly one code.

    >>> factors = np.indices((4, 4)).reshape(2, -1).T
    >>> round(mig(factors.astype(float), factors), 6)
    1.0
    """
    check_inputs(codes, factors, codes_least=2)
    ranked = np.sort(information(codes, factors, bins), axis=0)
    return float(((ranked[-1] - ranked[-2]) / entropy(factors)).mean())
