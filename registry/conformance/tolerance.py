"""How far two tensors may be apart: the one table all checks go by."""

import torch
from torch import Tensor

from unbraid.core.export import TOLERANCE
from unbraid.registry.conformance.check import Failure

#: dtype -> largest difference, relative to the largest value where that exceeds 1. float32 is the bound of export.
TOLERANCES: dict[torch.dtype, float] = {torch.float32: TOLERANCE, torch.float64: 1e-9}


def require_close(what: str, found: Tensor, expected: Tensor) -> None:
    """Raise `Failure` where two tensors differ by more than the tolerance of their dtype, or in shape.

    >>> require_close("ones", torch.ones(2), torch.ones(2) + 1e-7)
    """
    if found.shape != expected.shape:
        raise Failure(f"{what}: shapes differ", expected=tuple(expected.shape), found=tuple(found.shape))
    if not expected.numel():
        return
    bound = TOLERANCES[expected.dtype] * max(1.0, float(expected.detach().abs().max()))
    difference = float((found - expected).detach().abs().max())
    if not difference <= bound:  # also where it is NaN
        raise Failure(f"{what}: values differ", expected=f"at most {bound:.1e} apart", found=f"{difference:.1e}")


def require_equal(what: str, found: Tensor, expected: Tensor) -> None:
    """Raise `Failure` where two tensors are not the same bit for bit."""
    if found.shape != expected.shape or found.dtype != expected.dtype or not torch.equal(found, expected):
        raise Failure(
            f"{what} differ",
            expected=f"{expected.dtype} {tuple(expected.shape)}, bit for bit",
            found=f"{found.dtype} {tuple(found.shape)}{_gap(found, expected)}",
        )


def _gap(found: Tensor, expected: Tensor) -> str:
    if found.shape != expected.shape or not found.numel():
        return ""
    return f", {float((found.double() - expected.double()).abs().max()):.1e} apart"
