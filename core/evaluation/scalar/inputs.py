"""What the scores of single numbers ask of codes and factors."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.checks import check_finite, check_rows, check_width

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]


def check_inputs(codes: Floats, factors: Ints, *, codes_least: int = 1, parts: Sequence[Ints] = ()) -> None:
    """Find codes and factors no score can be made of.

    Args:
        codes: `(n, d)`.
        factors: `(n, k)` class indices.
        codes_least: smallest d.
        parts: rows something is fitted on or tested on; every factor must vary in each of them.

    Raises:
        ProtocolError: shapes do not match, or a factor is constant.
        NonFiniteError: a code is NaN or infinite.
    """
    check_width("codes", codes, least=codes_least)
    check_width("factors", factors)
    check_rows("codes", len(codes), {"factors": len(factors)})
    check_finite("codes", codes)
    _check_varying(factors)
    for part in parts:
        _check_varying(factors[part])


def _check_varying(factors: Ints) -> None:
    constant = [str(k) for k, factor in enumerate(factors.T) if len(np.unique(factor)) < 2]
    if constant:
        raise ProtocolError(
            "a factor does not vary",
            expected="two values or more of every factor among the samples",
            found=f"one of factor {', '.join(constant)} in {len(factors)} samples",
            hint="leave the factor out, or take more samples",
        )
