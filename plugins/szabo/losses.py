"""The three phases of a step: autoencoder, discriminator, generator."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from unbraid.core.interfaces import Backbone, Draws, Losses, Objective, Term
from unbraid.core.two_codes.game import PairGame

if TYPE_CHECKING:
    from unbraid.plugins.szabo.model import Szabo


class Autoencoding:
    """Two rows of a class, each rebuilt from its own unspecified code and the specified code of the other."""

    def __init__(self, head: "Szabo") -> None:
        self.head = head

    def objective(self) -> Objective:
        """Give the objective, which moves encoder and decoder."""
        return Objective(
            name="autoencode",
            batch={"pairs": self.head.same_class},
            loss=self.loss,
            updates=self.head.networks,
            optimiser=self.head.optimiser,
        )

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute the swapped reconstruction, summed over the two members of a pair."""
        head, pairs = self.head, batch["pairs"]
        rows = head.standardise(torch.cat([pairs.first, pairs.second]))
        unspecified, specified = head.codes(rows)
        rebuilt = head.decoder(unspecified.mean, specified.roll(len(pairs.first), 0))
        # a mean over both members at once: twice that is the sum of the two
        return {"reconstruction": Term(2 * F.mse_loss(rebuilt, rows), head.config.reconstruction)}


class Generating:
    """The specified code of one row with the unspecified code of another must pass for the class of the former."""

    def __init__(self, head: "Szabo", backbone: Backbone) -> None:
        self.head = head
        self.game = PairGame(head, backbone, self.fakes, {"donors": head.rows, "rows": head.rows})

    def objectives(self) -> list[Objective]:
        """Give the objective of the discriminator, then that of encoder and decoder."""
        generate = Objective(
            name="generate",
            batch=self.game.batch,
            loss=self.loss,
            updates=self.head.networks,
            optimiser=self.head.deceiving_optimiser,
            repeat=self.head.config.deceptions,
        )
        return [self.game.judge(), generate]

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute how little the discriminator is taken in."""
        return {"deceit": Term(self.game.deceit(*self.fakes(batch, draws)))}

    def fakes(self, batch: Mapping[str, Any], draws: Draws) -> tuple[Tensor, Tensor]:
        """Give rows, and their specified codes with the unspecified code of donors."""
        rows, donors = (self.head.standardise(batch[name].z) for name in ("rows", "donors"))
        made: Tensor = self.head.decoder(self.head.codes(donors).unspecified.mean, self.head.codes(rows).specified)
        return rows, made
