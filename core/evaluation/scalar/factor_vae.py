"""FactorVAE score."""

import numpy as np
import numpy.typing as npt

from unbraid.core.evaluation.scalar.fixing import Fixing
from unbraid.core.evaluation.scalar.inputs import check_inputs

#: Samples that share one factor's value, a vote.
BATCH = 64
#: Codes of a smaller deviation over all samples are dropped.
LEAST = 0.05


def factor_vae(
    codes: npt.NDArray[np.floating],
    factors: npt.NDArray[np.integer],
    *,
    rng: np.random.Generator,
    train: int = 10_000,
    test: int = 5_000,
) -> float:
    """Share of votes of the majority classifier from the stillest code to the fixed factor (Kim & Mnih 2018).

    A vote fixes one factor's value in 64 samples at hand; the code whose variance falls furthest votes for the factor.

    Args:
        codes: `(n, d)`; codes of deviation below 0.05 are dropped.
        factors: `(n, k)`; chance is about 1 / k.
        rng: where randomness comes from.
        train: votes to fit.
        test: votes to score.

    Returns:
        In [0, 1]; 0 where no code is left.
    """
    check_inputs(codes, factors)
    spread = codes.std(0)
    alive = codes[:, spread >= LEAST]
    if not alive.shape[1]:
        return 0.0
    fixing, variance = Fixing(factors), alive.var(0)
    fixed = rng.integers(fixing.count, size=train + test)
    stillest = np.array([_stillest(alive, variance, fixing, int(factor), rng) for factor in fixed])
    votes = np.zeros((alive.shape[1], fixing.count), dtype=np.int64)
    np.add.at(votes, (stillest[:train], fixed[:train]), 1)
    return float((votes.argmax(1)[stillest[train:]] == fixed[train:]).mean())


def _stillest(
    codes: npt.NDArray[np.floating],
    variance: npt.NDArray[np.floating],
    fixing: Fixing,
    factor: int,
    rng: np.random.Generator,
) -> int:
    anchor = int(rng.integers(fixing.samples))
    rows = fixing.partners(np.full(BATCH, anchor), factor, rng)
    return int((codes[rows].var(0, ddof=1) / variance).argmin())
