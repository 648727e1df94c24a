"""A row is a row: neighbours, order, layout and count change nothing."""

import torch
from torch import Tensor

from unbraid.registry.conformance.check import check, require
from unbraid.registry.conformance.method_case import MethodCase
from unbraid.registry.conformance.tolerance import require_close, require_equal


@check("rows", "method")
def alone(case: MethodCase) -> None:
    """A row in a batch gives the factors it gives alone.

    Breaks: a server batches requests, so a picture gets other factors at busy hours; figures depend on the batch size.

    Mend: in evaluation mode nothing may look along dimension 0; use running statistics.
    """
    rows = [_factors(case, case.z[i : i + 1]) for i in range(len(case.z))]
    for name, together in case.factors.items():
        require_close(f"factor {name}, alone and in a batch", torch.cat([row[name] for row in rows]), together)


@check("rows", "method")
def empty(case: MethodCase) -> None:
    """A batch without rows gives factors without rows.

    Breaks: the last, empty shard of a data set ends an evaluation with an error about shapes.

    Mend: reshape with `flatten(1)` or given sizes; `view(-1, ...)` cannot guess from nothing.
    """
    found = _factors(case, case.z[:0])
    for factor in case.head.factors:
        expected = (0, *factor.shape)
        given = tuple(found[factor.name].shape)
        require(given == expected, f"factor {factor.name} of no rows", expected=expected, found=given)


@check("rows", "method")
def layout(case: MethodCase) -> None:
    """The layout in memory does not matter.

    Breaks: slices of a cache and channels-last maps are not contiguous, and `view` raises on them.

    Mend: `reshape` or `flatten` instead of `view`.
    """
    strange = case.z.transpose(0, -1).contiguous().transpose(0, -1)
    for name, found in _factors(case, strange).items():
        require_close(f"factor {name} of a strided latent", found, case.factors[name])


@check("rows", "method")
def untouched(case: MethodCase) -> None:
    """`disentangle` and `entangle` leave what they are given as it was.

    Breaks: the latent cache is shared by all who read it; a head that writes to it changes the data of the next epoch.

    Mend: no in-place operation (`+=`, `clamp_`, `relu_`) on an argument.
    """
    before, given = case.z.clone(), case.z.clone()
    factors = _factors(case, given)
    require_equal("latents before and after disentangle", given, before)
    if "entangle" in case.head.capabilities:
        kept = {name: value.clone() for name, value in factors.items()}
        with torch.no_grad():
            case.head.entangle(factors)
        for name, value in kept.items():
            require_equal(f"factor {name} before and after entangle", factors[name], value)


def _factors(case: MethodCase, z: Tensor) -> dict[str, Tensor]:
    with torch.no_grad():
        return case.head.disentangle(z)
