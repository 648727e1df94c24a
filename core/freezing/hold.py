"""Counted freezing of the flags of modules and parameters, shared by everything that holds them."""

import copy
import threading
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.utils.weak import WeakIdKeyDictionary


@dataclass(slots=True)
class _Held:
    count: int
    original: bool


# Keyed by the object itself, not by the backbone: two backbones may share an encoder, and a tied weight may sit in both.
_held: WeakIdKeyDictionary = WeakIdKeyDictionary()
# Counting is reading and writing back, and verbs may run in several threads.
_lock = threading.RLock()


class Hold:
    """Sets evaluation mode and `requires_grad=False` on everything below a module, and gives the old flags back.

    Flags are set directly rather than through `.eval()`, which a model may override.
    """

    def __init__(self, owner: nn.Module) -> None:
        self._owner = owner
        self._acquired = 0
        # Whoever was counted in is counted out, also where the model changed meanwhile.
        self._modules: list[nn.Module] = []
        self._parameters: list[nn.Parameter] = []

    def __deepcopy__(self, memo: dict[int, Any]) -> "Hold":
        """Give a copied model a hold of its own; nobody holds the copy."""
        return Hold(copy.deepcopy(self._owner, memo))

    @property
    def held(self) -> bool:
        """Whether this hold is in force."""
        return self._acquired > 0

    def acquire(self) -> None:
        """Freeze; may be nested."""
        with _lock:
            self._acquired += 1
            if self._acquired == 1:
                self._enter()

    def release(self) -> None:
        """Undo one `acquire`; the last holder of each object restores its flag."""
        with _lock:
            if self._acquired == 1:
                self._leave()
            self._acquired = max(self._acquired - 1, 0)

    def _enter(self) -> None:
        self._modules = list(self._owner.modules())
        self._parameters = list(self._owner.parameters())
        for module in self._modules:
            if _enter(module, module.training):
                module.training = False
        for parameter in self._parameters:
            if _enter(parameter, parameter.requires_grad):
                parameter.requires_grad_(False)

    def _leave(self) -> None:
        for module in self._modules:
            if _leave(module):
                module.training = _forget(module)
        for parameter in self._parameters:
            if _leave(parameter):
                parameter.requires_grad_(_forget(parameter))
        self._modules, self._parameters = [], []


def _enter(item: object, flag: bool) -> bool:
    """Count a holder in; True for the first."""
    held = _find(item)
    if held is None:
        _held[item] = _Held(1, flag)
        return True
    held.count += 1
    return False


def _leave(item: object) -> bool:
    """Count a holder out; True for the last."""
    held = _find(item)
    if held is None:
        return False
    held.count -= 1
    return held.count == 0


def _find(item: object) -> _Held | None:
    try:
        found: _Held = _held[item]
    except KeyError:
        return None
    return found


def _forget(item: object) -> bool:
    """Drop an object nobody holds any more; gives the flag it had."""
    original: bool = _held[item].original
    del _held[item]
    return original
