"""Latents nobody hopes for."""

import torch
from torch import Tensor

from unbraid.registry.conformance.check import check, require
from unbraid.registry.conformance.method_case import MethodCase

#: How far out "far out" is, in latents.
FAR = 100.0


@check("bad-input", "method")
def extremes(case: MethodCase) -> None:
    """Zeros, and latents a hundred times as large as usual, give finite factors, and finite latents back.

    Breaks: one strange picture gives NaN, and a mean over a million pictures with it.

    Mend: keep a floor under every divisor (`.clamp(min=...)`), and exponentials within bounds.
    """
    for what, z in (("zeros", torch.zeros_like(case.z)), ("large latents", case.z * FAR)):
        with torch.no_grad():
            factors = case.head.disentangle(z)
            _finite(f"factors of {what}", factors)
            if "entangle" in case.head.capabilities:
                _finite(f"latents back from {what}", {"z": case.head.entangle(factors)})


@check("bad-input", "method")
def nan(case: MethodCase) -> None:
    """A latent with NaN gives NaN, or an error; and the rows beside it are not touched.

    Breaks: a broken picture gets factors that look like any other's, and nobody ever finds it.

    Mend: no `nan_to_num` and no masks around the input.
    """
    spoilt = case.z.clone()
    spoilt[0] = torch.nan
    with torch.no_grad():
        found = case.head.disentangle(spoilt)
    hidden = all(bool(value[0].isfinite().all()) for value in found.values())
    require(not hidden, "NaN is swallowed", expected="NaN, or an error", found="finite factors")
    _finite("factors of the rows beside it", {name: value[1:] for name, value in found.items()})


def _finite(what: str, values: dict[str, Tensor]) -> None:
    broken = [name for name, value in values.items() if not bool(value.isfinite().all())]
    require(not broken, f"{what} are not finite", expected="numbers", found=", ".join(broken))
