"""What stays behind after use."""

import torch

from unbraid.registry.conformance.check import check, require
from unbraid.registry.conformance.method_case import MethodCase

CALLS = 50


@check("hygiene", "method")
def growth(case: MethodCase) -> None:
    """Using the head leaves nothing behind: no hooks, tensors or modules that were not there before.

    Breaks: a server's memory grows with every request until the machine ends it.

    Mend: append to nothing in `disentangle`; no hooks but those of the constructor.
    """
    head = case.head
    before = _held(head)
    with torch.no_grad():
        for _ in range(CALLS):
            head.disentangle(case.z)
    after = _held(head)
    grown = [f"{name} ({before.get(name, 0)} to {count})" for name, count in after.items() if count != before.get(name)]
    require(not grown, f"the head grew in {CALLS} calls", expected="as before", found=", ".join(grown))


@check("hygiene", "method")
def built_whole(case: MethodCase) -> None:
    """All parameters and buffers are there once the head is built, in the shapes they keep.

    Breaks: optimisers never see parameters that are made later, and saved heads cannot be loaded.

    Mend: make all of them in the constructor; no `nn.Lazy...`, no buffers that `prepare` gives another shape.
    """
    network = case.fitted.network
    assert network is not None
    # what only trains may wait for the backbone, and is in no file
    built = {name: tuple(tensor.shape) for name, tensor in case.head_of().head_state().items()}
    fitted = {name: tuple(tensor.shape) for name, tensor in network.head_state().items()}
    late = [name for name in built.keys() | fitted.keys() if built.get(name) != fitted.get(name)]
    require(not late, "tensors are made or reshaped later", expected="none", found=", ".join(sorted(late)[:5]))


def _held(head: torch.nn.Module) -> dict[str, int]:
    """How much of each kind a head holds; containers of plain Python by attribute."""
    counts = {"tensors": len(head.state_dict()), "modules": len(list(head.modules()))}
    for path, module in head.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, list | dict | set) and name not in ("_parameters", "_buffers", "_modules"):
                counts[f"{path}.{name}".lstrip(".")] = len(value)
    return counts
