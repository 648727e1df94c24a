"""Noticing what would make the host wait for the device."""

import traceback
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

#: Operators that read a value, or whose output has a shape that depends on values.
WAITING = {"_local_scalar_dense", "item", "nonzero", "masked_select", "unique_dim", "_unique2", "is_nonzero", "equal"}


class Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every operator that would make the host wait."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.waits: list[str] = []
        self.seen = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen += 1
        name = func.overloadpacket.__name__
        masked = name.startswith("index") and any(
            isinstance(i, Tensor) and i.dtype == torch.bool for each in args if isinstance(each, list) for i in each
        )
        if name in WAITING or masked:
            self.waits.append(f"{name} at {_place()}")
        return func(*args, **(kwargs or {}))


def _place() -> str:
    """Say which line of whom asked: the innermost that is neither torch's nor the suite's."""
    skipped = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]))
    frames = [frame for frame in traceback.extract_stack() if not frame.filename.startswith(skipped)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown line"
