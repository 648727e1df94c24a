"""The forward cycle, the reverse cycle, and what can be added to the latter."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unbraid.core.interfaces import Backbone, Draws, Losses, Objective, Posterior, Term
from unbraid.core.nn import squared_wasserstein
from unbraid.core.two_codes.game import PairGame

if TYPE_CHECKING:
    from unbraid.plugins.cycle_vae.model import CycleVAE


class ForwardCycle:
    """Two rows of a class, each rebuilt from its own unspecified code and the specified code of the other."""

    def __init__(self, head: "CycleVAE") -> None:
        self.head = head

    def objective(self) -> Objective:
        """Give the objective, which moves encoder and decoder."""
        return Objective(
            name="forward",
            batch={"pairs": self.head.same_class},
            loss=self.loss,
            updates=self.head.networks,
            optimiser=self.head.optimiser,
        )

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute the swapped reconstruction and the divergence, each summed over the two members of a pair."""
        head, config, pairs = self.head, self.head.config, batch["pairs"]
        rows = head.standardise(torch.cat([pairs.first, pairs.second]))
        unspecified, specified = head.codes(rows)
        sampled = unspecified.sample(draws.normal(*unspecified.mean.shape))
        rebuilt = head.decoder(sampled, specified.roll(len(pairs.first), 0))
        # means over both members at once: twice that is the sum of the two
        return {
            "reconstruction": Term(2 * F.mse_loss(rebuilt, rows), config.reconstruction),
            "kl": Term(2 * head.divergence(unspecified), config.kl),
        }


class ReverseCycle:
    """Two rows of any class with one unspecified code from the prior, which must come back the same from both."""

    def __init__(self, head: "CycleVAE", backbone: Backbone) -> None:
        self.head = head
        self.backbone = backbone

    def objectives(self) -> list[Objective]:
        """Give the cycle, which moves the encoder alone, and the reconstruction at its end where it is asked for."""
        found = [self._objective("reverse", self.loss, [self.head.encoder])]
        if self.head.config.reverse_reconstruction:
            found.append(self._objective("reverse_reconstruction", self.reconstruction, self.head.networks))
        return found

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute how far the two unspecified codes are apart."""
        with torch.no_grad():  # what was made stands still: only reading it again is learnt
            seen = self._through(self._made(self._rows(batch), draws))
        first, second = _halves(self.head.codes(seen).unspecified)
        if self.head.config.distance == "wasserstein":
            distance = squared_wasserstein(first, second).mean()
        else:
            distance = F.l1_loss(first.mean, second.mean)
        return {"cycle": Term(distance, self.head.config.reverse)}

    def reconstruction(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute how well rows come back from their unspecified code and the specified one of what was made of them."""
        rows = self._rows(batch)
        specified = self.head.codes(self._through(self._made(rows, draws))).specified
        rebuilt = self.head.decoder(self.head.codes(rows).unspecified.mean, specified)
        return {"reconstruction": Term(2 * F.mse_loss(rebuilt, rows), self.head.config.reverse_reconstruction)}

    def _rows(self, batch: Mapping[str, Any]) -> Tensor:
        rows: Tensor = self.head.standardise(torch.cat([batch["first"].z, batch["second"].z]))
        return rows

    def _made(self, rows: Tensor, draws: Draws) -> Tensor:
        """Decode the specified codes of both halves with the same draws of the prior."""
        with torch.no_grad():
            specified = self.head.codes(rows).specified
        return self.head.with_prior(specified, draws, len(rows) // 2)

    def _through(self, made: Tensor) -> Tensor:
        """Give what the encoder gets to see of what was made."""
        if self.head.config.cycle_through == "latent":
            return made
        seen: Tensor = self.head.standardise(self.backbone.encode(self.backbone.decode(self.head.restored(made))))
        return seen

    def _objective(
        self, name: str, loss: Callable[[Mapping[str, Any], Draws], Losses], updates: Sequence[nn.Module]
    ) -> Objective:
        batch = {"first": self.head.rows, "second": self.head.rows}
        return Objective(name=name, batch=batch, loss=loss, updates=updates, optimiser=self.head.optimiser)


class Adversary:
    """A pair discriminator that tells a row beside what the reverse cycle makes of it from two rows of a class."""

    def __init__(self, head: "CycleVAE", backbone: Backbone) -> None:
        self.head = head
        self.game = PairGame(head, backbone, self.fakes, {"rows": head.rows})

    def objectives(self) -> list[Objective]:
        """Give the discriminator's objective, and that of those who hear it."""
        heard = [self.head.decoder] if self.head.config.adversary == "decoder" else self.head.networks
        deceive = Objective(
            name="deceive",
            batch=self.game.batch,
            loss=self.loss,
            updates=heard,
            optimiser=self.head.deceiving_optimiser,
        )
        return [self.game.judge(), deceive]

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute how little the discriminator is taken in."""
        return {"deceit": Term(self.game.deceit(*self.fakes(batch, draws)))}

    def fakes(self, batch: Mapping[str, Any], draws: Draws) -> tuple[Tensor, Tensor]:
        """Give rows, and their specified codes with an unspecified one from the prior."""
        rows = self.head.standardise(batch["rows"].z)
        return rows, self.head.with_prior(self.head.codes(rows).specified, draws, len(rows))


def _halves(posterior: Posterior) -> tuple[Posterior, Posterior]:
    means, log_variances = posterior.mean.chunk(2), posterior.log_variance
    assert log_variances is not None
    first, second = (Posterior(*each) for each in zip(means, log_variances.chunk(2), strict=True))
    return first, second
