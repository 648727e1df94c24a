"""Squared errors relative to what predicting the mean would give."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.figure import Interval
from unbraid.core.evaluation.intervals import ratio_interval

Array = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Relative:
    """Error of predictions, 1.0 for predicting the mean of the targets, with an interval over classes."""

    value: float
    interval: Interval | None


def relative_error(predicted: Array, target: Array, groups: npt.NDArray[np.int64]) -> Relative:
    """`mean ||predicted - target||^2 / mean ||target - mean(target)||^2`.

    Args:
        predicted: `(n, ...)`.
        target: the same shape.
        groups: `(n,)` class of each row; rows of a class stand or fall together in the interval.

    Raises:
        ProtocolError: the targets are all the same, so that nothing is relative to them.
    """
    error, spread = squares(predicted - target), squares(target - target.mean(0))
    if spread.sum() <= 1e-12 * squares(target).sum():
        raise ProtocolError(
            "the true samples do not vary: an error relative to their variance has no meaning",
            expected="two different samples or more",
            found=f"{len(target)} samples of one value",
            hint="evaluate on more rows, or look at what the backbone makes of them",
        )
    return Relative(float(error.sum() / max(spread.sum(), 1e-30)), ratio_interval(error, spread + 1e-30, groups))


def mean_squared_error(predicted: Array, target: Array, groups: npt.NDArray[np.int64]) -> Relative:
    """Mean squared error a number, with the same interval."""
    error = squares(predicted - target) / np.prod(target.shape[1:])
    return Relative(float(error.mean()), ratio_interval(error, np.ones(len(error)), groups))


def squares(difference: Array) -> npt.NDArray[np.float64]:
    """Sum of squares of each row: `(n, ...)` -> `(n,)`."""
    found: npt.NDArray[np.float64] = np.square(difference.reshape(len(difference), -1), dtype=np.float64).sum(1)
    return found
