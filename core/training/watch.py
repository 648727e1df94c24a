"""Notices a loss or gradient that is not finite without asking the device every step."""

from collections.abc import Sequence

import torch
from torch import Tensor

from unbraid.core.errors import NonFiniteError


class FiniteWatch:
    """One sticky flag on the device for a run: once a term or gradient was not finite, no optimiser moves anything.

    The host reads the flag only when it `check`s.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.tripped = torch.zeros((), dtype=torch.bool, device=device)
        self._step = torch.full((), -1, dtype=torch.long, device=device)
        self._culprits: dict[str, tuple[Sequence[str], Tensor]] = {}

    def look(self, objective: str, names: Sequence[str], values: Tensor, step: int) -> None:
        """Take in the terms of one objective, or the size of its gradient, `(terms,)`, at a step."""
        bad = ~torch.isfinite(values)
        if objective not in self._culprits:
            self._culprits[objective] = (tuple(names), torch.zeros_like(bad))
        new = bad & ~self.tripped  # only what went wrong first is to blame
        self._culprits[objective][1].logical_or_(new)
        any_new = new.any()
        self._step = torch.where(any_new, step, self._step)
        self.tripped = self.tripped | any_new

    def check(self, hint: str | None = None) -> None:
        """Wait for the device and raise `NonFiniteError` naming term and step, where the flag is set."""
        if not bool(self.tripped):
            return
        found = [
            f"{objective}.{name}"
            for objective, (names, bad) in self._culprits.items()
            for name, flag in zip(names, bad.tolist(), strict=True)
            if flag
        ]
        raise NonFiniteError(
            f"training stopped before step {int(self._step)} could move the weights",
            expected="finite losses and gradients",
            found=f"not finite: {', '.join(found)}",
            hint=hint or "lower the learning rate, or look at the latents this method was given",
        )
