"""Modularity of single codes."""

import numpy as np
import numpy.typing as npt

from unbraid.core.evaluation.blocks import modularity as of_blocks
from unbraid.core.evaluation.scalar.information import BINS, information
from unbraid.core.evaluation.scalar.inputs import check_inputs


def modularity(codes: npt.NDArray[np.floating], factors: npt.NDArray[np.integer], *, bins: int = BINS) -> float:
    """Whether each code speaks of one factor only (Ridgeway & Mozer 2018), mean over codes; empty codes score 0.

    Args:
        codes: `(n, d)`.
        factors: `(n, k)`, k at least 2.
        bins: equal-width bins of a code.
    """
    check_inputs(codes, factors)
    return of_blocks(information(codes, factors, bins))
