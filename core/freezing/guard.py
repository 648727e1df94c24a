"""The check that a frozen backbone did not move: parameters, every buffer, modes and flags, bit for bit."""

import hashlib
from collections.abc import Iterator

from torch import Tensor, nn

from unbraid.core.errors import FrozenError
from unbraid.core.freezing.fingerprint import update_with_tensor


class FrozenGuard:
    """Takes a snapshot of a module's state as hashes, and compares it later.

    Unlike the fingerprint it sees non-persistent buffers, training modes and `requires_grad` too.

    >>> from torch import nn
    >>> layer = nn.Linear(2, 2)
    >>> guard = FrozenGuard(layer)
    >>> guard.verify()
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._before = dict(_state(module))

    def verify(self) -> None:
        """Raise `FrozenError` naming everything that is not what it was."""
        after = dict(_state(self._module))
        moved = [name for name in self._before.keys() | after.keys() if self._before.get(name) != after.get(name)]
        if moved:
            shown = ", ".join(sorted(moved)[:5]) + (f" and {len(moved) - 5} more" if len(moved) > 5 else "")
            raise FrozenError(
                "the frozen backbone moved",
                expected="the same parameters, buffers, modes and requires_grad, bit for bit",
                found=f"changed: {shown}",
                hint="reload the backbone; look for an objective or a callback that writes to it",
            )


def _state(module: nn.Module) -> Iterator[tuple[str, str]]:
    for name, part in module.named_modules(remove_duplicate=False):
        yield f"{name}.training", str(part.training)
    for name, parameter in module.named_parameters(remove_duplicate=False):
        yield name, f"{_digest(parameter)} requires_grad={parameter.requires_grad}"
        yield f"{name}.grad", "none" if parameter.grad is None else _digest(parameter.grad)
    for name, buffer in module.named_buffers(remove_duplicate=False):
        yield name, _digest(buffer)


def _digest(tensor: Tensor) -> str:
    digest = hashlib.sha256()
    update_with_tensor(digest, "", tensor)
    return digest.hexdigest()
