"""A pair discriminator and the head it plays against."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from unbraid.core.interfaces import Backbone, BatchSpec, Draws, Losses, Objective, Term
from unbraid.core.two_codes.head import TwoCodes

#: `(batch, draws)` -> standardised latents of one row each and what the head made up to look like its class.
Fakes = Callable[[Mapping[str, Any], Draws], tuple[Tensor, Tensor]]


class PairGame:
    """Pairs of one class against pairs whose second member the head made up.

    Args:
        head: what generates.
        backbone: the frozen decoder, where the discriminator sees pictures.
        fakes: makes the pairs; finds same-class pairs under `pairs`, and whatever `batch` names.
        batch: what the fakes are made of.
    """

    def __init__(self, head: TwoCodes, backbone: Backbone, fakes: Fakes, batch: Mapping[str, BatchSpec]) -> None:
        self.head = head
        self.backbone = backbone
        self.fakes = fakes
        self.batch = dict(batch)
        self.discriminator = head.against(backbone)

    def judge(self) -> Objective:
        """Give the discriminator's objective; it rests while its last accuracy is at the limit."""
        limit = self.head.two_codes.accuracy_limit
        return Objective(
            name="judge",
            batch={"pairs": self.head.same_class, **self.batch},
            loss=self.judgement,
            updates=[self.discriminator],
            optimiser=self.head.optimiser,
            gate=lambda: self.discriminator.accuracy < limit,
        )

    def judgement(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute what the discriminator descends on."""
        with torch.no_grad():
            first, second = (self.head.standardise(z) for z in (batch["pairs"].first, batch["pairs"].second))
            row, made_up = self.fakes(batch, draws)
            seen = self.head.shown(torch.cat([first, second, row, made_up]), self.backbone)
        real_first, real_second, row, made_up = seen.tensor_split(_ends(first, second, row))
        return {"judgement": Term(self.discriminator.judge((real_first, real_second), (row, made_up)))}

    def deceit(self, row: Tensor, made_up: Tensor) -> Tensor:
        """Give the cross-entropy of taking a made-up pair, standardised latents, for one of a class; a scalar."""
        with torch.no_grad():
            reference = self.head.shown(row, self.backbone)
        return self.discriminator.deceived(reference, self.head.shown(made_up, self.backbone))


def _ends(*parts: Tensor) -> list[int]:
    ends = [len(parts[0])]
    for part in parts[1:]:
        ends.append(ends[-1] + len(part))
    return ends
