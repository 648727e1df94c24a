"""Arrays that no figure can be made of, found before the work and told in words."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import NonFiniteError, ProtocolError

Array = npt.NDArray[np.floating]


def check_rows(what: str, rows: int, found: Mapping[str, int]) -> None:
    """Hold arrays to the number of samples they should speak of.

    Args:
        what: whose rows are counted.
        rows: how many there are.
        found: name of an array -> its rows.

    Raises:
        ProtocolError: one has more or fewer.

    >>> check_rows("codes", 3, {"labels": 3})
    """
    for name, count in found.items():
        if count != rows:
            raise ProtocolError(
                f"{name} do not match the {what}",
                expected=f"{rows} rows, one a sample",
                found=f"{count}",
                hint="take both from the same rows of the data set, in the same order",
            )


def check_finite(what: str, codes: Array) -> Array:
    """Give codes `(n, ...)` back if no number of them is NaN or infinite.

    Args:
        what: their name in the message.
        codes: any floating array.

    Raises:
        NonFiniteError: one is.
    """
    if not np.isfinite(codes).all():
        broken = np.flatnonzero(~np.isfinite(codes).reshape(len(codes), -1).all(1))
        raise NonFiniteError(
            f"{what} hold NaN or infinite numbers",
            expected="finite numbers",
            found=f"{len(broken)} of {len(codes)} samples are not, the first at position {int(broken[0])}",
            hint="look at the training curve of the head, or at the weights of the backbone",
        )
    return codes


def check_width(what: str, codes: npt.NDArray[np.number], *, least: int = 1) -> None:
    """Hold codes to two axes and at least one sample, and to a number of columns.

    Args:
        what: their name in the message.
        codes: should be `(n, width)`, n at least 1.
        least: smallest width.

    Raises:
        ProtocolError: they have another number of axes, no samples, or fewer columns.
    """
    if codes.ndim != 2 or not len(codes) or codes.shape[1] < least:
        raise ProtocolError(
            f"{what} are too small or of another shape",
            expected=f"(samples, numbers), one sample and {least} number(s) of each at least",
            found=str(codes.shape),
            hint="flatten every sample; a score that compares codes needs two of them",
        )
