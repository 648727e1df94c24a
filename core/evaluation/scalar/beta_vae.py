"""BetaVAE score."""

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from unbraid.core.evaluation.scalar.fixing import Fixing
from unbraid.core.evaluation.scalar.inputs import check_inputs

#: Pairs averaged to one point.
PAIRS = 64


def beta_vae(
    codes: npt.NDArray[np.floating],
    factors: npt.NDArray[np.integer],
    *,
    rng: np.random.Generator,
    train: int = 10_000,
    test: int = 5_000,
) -> float:
    """Share of right guesses of which factor a batch of pairs has in common (Higgins et al. 2017).

    A point is the mean of `|z(x) - z(x')|` over 64 pairs that share the value of one factor, drawn from the samples at
    hand; a linear classifier tells the factor.

    Args:
        codes: `(n, d)`.
        factors: `(n, k)`; chance is 1 / k.
        rng: where randomness comes from.
        train: points to fit.
        test: points to score.
    """
    check_inputs(codes, factors)
    fixing = Fixing(factors)
    points, wanted = _points(codes, fixing, train + test, rng)
    scale = max(float(points[:train].std()), 1e-12)  # one for all codes: the solver's units, not the codes'
    model = LogisticRegression(max_iter=2000).fit(points[:train] / scale, wanted[:train])
    return float((model.predict(points[train:] / scale) == wanted[train:]).mean())


def _points(
    codes: npt.NDArray[np.floating], fixing: Fixing, n: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.int64]]:
    wanted = rng.integers(fixing.count, size=n)
    points = np.empty((n, codes.shape[1]))
    for i, factor in enumerate(wanted):
        first = rng.integers(fixing.samples, size=PAIRS)
        second = fixing.partners(first, int(factor), rng)
        points[i] = np.abs(codes[first] - codes[second]).mean(0)
    return points, wanted
