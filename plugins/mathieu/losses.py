"""The three phases of a step: autoencoder, generator, discriminator."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.nn import functional as F

from unbraid.core.interfaces import Backbone, Draws, Losses, Objective, Term
from unbraid.core.two_codes.game import PairGame

if TYPE_CHECKING:
    from unbraid.plugins.mathieu.model import Mathieu


class Autoencoding:
    """A row rebuilt from its own codes, and from the specified code of another row of its class."""

    def __init__(self, head: "Mathieu") -> None:
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
        """Compute both reconstructions of the first row of each pair, and the divergence of its unspecified code."""
        head, config = self.head, self.head.config
        first, second = (head.standardise(z) for z in (batch["pairs"].first, batch["pairs"].second))
        unspecified, own = head.codes(first)
        sampled = unspecified.sample(draws.normal(*unspecified.mean.shape))
        return {
            "reconstruction": Term(F.mse_loss(head.decoder(sampled, own), first), config.reconstruction),
            "swap": Term(F.mse_loss(head.decoder(sampled, head.codes(second).specified), first), config.swap),
            "kl": Term(head.divergence(unspecified), config.kl),
        }


class Generating:
    """The specified code of one row with the unspecified code of another, or of the prior, must pass for its class."""

    def __init__(self, head: "Mathieu", backbone: Backbone) -> None:
        self.head = head
        self.game = PairGame(head, backbone, self.fakes, {"donors": head.rows, "rows": head.rows})

    def objectives(self) -> list[Objective]:
        """Give the objective of encoder and decoder, then that of the discriminator."""
        generate = Objective(
            name="generate",
            batch=self.game.batch,
            loss=self.loss,
            updates=self.head.networks,
            optimiser=self.head.deceiving_optimiser,
            repeat=self.head.config.deceptions,
        )
        return [generate, self.game.judge()]

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute how little the discriminator is taken in by either, and the divergence of the donors' code."""
        head, config = self.head, self.head.config
        rows = head.standardise(batch["rows"].z)
        specified = head.codes(rows).specified
        donated = head.codes(head.standardise(batch["donors"].z)).unspecified
        sampled = donated.sample(draws.normal(*donated.mean.shape))
        return {
            "donated": Term(self.game.deceit(rows, head.decoder(sampled, specified)), config.adversarial),
            "prior": Term(self.game.deceit(rows, head.with_prior(specified, draws, len(rows))), config.adversarial),
            "kl": Term(head.divergence(donated), config.kl),
        }

    def fakes(self, batch: Mapping[str, Any], draws: Draws) -> tuple[Tensor, Tensor]:
        """Give rows, and their specified codes with the mean unspecified code of donors."""
        rows, donors = (self.head.standardise(batch[name].z) for name in ("rows", "donors"))
        made: Tensor = self.head.decoder(self.head.codes(donors).unspecified.mean, self.head.codes(rows).specified)
        return rows, made
