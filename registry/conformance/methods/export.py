"""ONNX."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unbraid.registry.conformance.check import check, require
from unbraid.registry.conformance.method_case import MethodCase
from unbraid.registry.conformance.methods.determinism import require_same
from unbraid.registry.conformance.tolerance import require_close


@check("export", "method")
def exports(case: MethodCase) -> None:
    """A fitted head exports to ONNX graphs with a free batch size and without random operators.

    Breaks: it can be trained and measured, and never put to work.

    Mend: tensor operations only; `torch.where` for branches, `x.shape[0]` or -1 for the batch, noise as an input.
    """
    _ = case.bundle


@check("export", "method")
def parity(case: MethodCase) -> None:
    """The exported graphs give what the head gives, at any batch size.

    Breaks: figures are of the head, and users get something else.

    Mend: look for state that is computed on first use, training mode in `graphs`, float64 and values near overflow.
    """
    bundle, model = case.bundle, case.model
    for rows in (1, len(case.images)):
        x = case.images[:rows]
        expected = model.disentangle(x)
        found = bundle.disentangle(x)
        require(
            list(found) == list(expected), "the bundle has other factors", expected=list(expected), found=list(found)
        )
        for name, value in expected.items():
            require_close(f"factor {name}, exported", _tensor(found[name]), value)
    if "classify" in model.head.capabilities:
        with torch.no_grad():
            require_close("logits, exported", _tensor(bundle.classify(case.images)), case.head.classify(case.z))
    if "entangle" in model.head.capabilities and "decode" in model.backbone.info.capabilities:
        style = case.images[::-1].copy()
        swapped = model.transfer(content=case.images, style=style)
        require_close("a swap, exported", _tensor(bundle.transfer(content=case.images, style=style)), swapped)


@check("export", "method")
def untouched(case: MethodCase) -> None:
    """Exporting leaves the head as it was: weights, mode and hooks.

    Breaks: an export in the middle of training changes the training.

    Mend: `graphs` makes modules around the head, or works on a copy; it switches and bakes nothing itself.
    """
    head = case.head
    before = {name: tensor.clone() for name, tensor in head.state_dict().items()}
    modes = {name: module.training for name, module in head.named_modules()}
    head.graphs()
    require_same("the head after graphs()", head.state_dict(), before)
    changed = [name for name, module in head.named_modules() if modes.get(name) != module.training]
    require(not changed, "graphs() switches modes", expected="none", found=", ".join(changed[:5]))


def _tensor(array: npt.NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
