"""Counted freezing of the flags of modules and parameters, shared by everything that holds them."""

from dataclasses import dataclass

from torch import nn
from torch.utils.weak import WeakIdKeyDictionary


@dataclass(slots=True)
class _Held:
    count: int
    original: bool


# Keyed by the object itself, not by the backbone: two backbones may share an encoder, and a tied weight may sit in both.
_held: WeakIdKeyDictionary = WeakIdKeyDictionary()


class Hold:
    """Sets evaluation mode and `requires_grad=False` on everything below a module, and gives the old flags back.

    Flags are set directly rather than through `.eval()`, which a model may override.
    """

    def __init__(self, owner: nn.Module) -> None:
        self._owner = owner.modules  # bound method: a plain module attribute would register itself
        self._acquired = 0

    @property
    def held(self) -> bool:
        """Whether this hold is in force."""
        return self._acquired > 0

    def acquire(self) -> None:
        """Freeze; may be nested."""
        self._acquired += 1
        if self._acquired > 1:
            return
        for module in self._owner():
            if _enter(module, module.training):
                module.training = False
            for parameter in module.parameters(recurse=False):
                if _enter(parameter, parameter.requires_grad):
                    parameter.requires_grad_(False)

    def release(self) -> None:
        """Undo one `acquire`; the last holder of each object restores its flag."""
        if self._acquired == 0:
            return
        self._acquired -= 1
        if self._acquired:
            return
        for module in self._owner():
            if _leave(module):
                module.training = _forget(module)
            for parameter in module.parameters(recurse=False):
                if _leave(parameter):
                    parameter.requires_grad_(_forget(parameter))


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
    return _held[item] if item in _held else None


def _forget(item: object) -> bool:
    """Drop an object nobody holds any more; gives the flag it had."""
    original: bool = _held[item].original
    del _held[item]
    return original
