"""The game of ALI (Dumoulin et al. 2017, eq. 2) and BiGAN, as one loss for each side."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from unbraid.adapters.backbones.ali.config import Prior
from unbraid.core.interfaces import Draws, Losses, Posterior, Rows, Term


class Players(Protocol):
    """Who plays: pictures to posteriors, latents to pictures, and pairs of both to logits `(B,)`."""

    @property
    def encoder(self) -> Callable[[Tensor], Posterior]:
        """Encode pictures."""
        ...

    @property
    def decoder(self) -> Callable[[Tensor], Tensor]:
        """Decode latents."""
        ...

    @property
    def discriminator(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Judge pairs."""
        ...


class Game:
    """Pairs of both sides, and what each side loses by them.

    Real pairs are a picture and a latent the encoder draws for it; made pairs a latent of the prior and the picture the
    decoder makes of it. Both are judged in one batch, so that the discriminator's batch norm mixes them. With the
    reconstruction term the decoder's mixes drawn and found latents too: otherwise its running statistics, which are
    what a frozen decoder has, would fit neither.

    Args:
        players: who plays.
        prior: what latents are drawn from.
        reconstruction: weight of the mean squared error of what comes back of real pictures.
    """

    def __init__(self, players: Players, *, prior: Prior, reconstruction: float) -> None:
        self.players = players
        self.prior: Prior = prior
        self.reconstruction = reconstruction

    def discriminating(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Loss of the discriminator: `softplus(-d(real)) + softplus(d(made))`, means over pairs."""
        with torch.no_grad():  # only the discriminator moves
            pairs = self._pairs(batch["pictures"], draws)
        real, made = self._judge(pairs)
        return {"real": Term(F.softplus(-real).mean()), "made": Term(F.softplus(made).mean())}

    def generating(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Loss of encoder and decoder: the same with the sides changed, and the error of what comes back."""
        pairs = self._pairs(batch["pictures"], draws)
        real, made = self._judge(pairs)
        losses = {"real": Term(F.softplus(real).mean()), "made": Term(F.softplus(-made).mean())}
        if pairs.back is not None:
            losses["reconstruction"] = Term((pairs.back - pairs.pictures).square().mean(), self.reconstruction)
        return losses

    def _pairs(self, rows: Rows, draws: Draws) -> "_Pairs":
        posterior = self.players.encoder(rows.z)
        found = posterior.sample(draws.normal(*posterior.mean.shape))
        drawn = draw_latents(self.prior, draws, *found.shape)
        if not self.reconstruction:
            return _Pairs(rows.z, found, self.players.decoder(drawn), drawn, None)
        back, made = self.players.decoder(torch.cat([found, drawn])).chunk(2)
        return _Pairs(rows.z, found, made, drawn, back)

    def _judge(self, pairs: "_Pairs") -> tuple[Tensor, Tensor]:
        pictures, latents = torch.cat([pairs.pictures, pairs.made]), torch.cat([pairs.found, pairs.drawn])
        real, made = self.players.discriminator(pictures, latents).chunk(2)
        return real, made


class _Pairs(NamedTuple):
    """Real pictures with their latents, made pictures with theirs, and what comes back of the real ones."""

    pictures: Tensor
    found: Tensor
    made: Tensor
    drawn: Tensor
    back: Tensor | None


def draw_latents(prior: Prior, draws: Draws, *shape: int) -> Tensor:
    """Draw latents of a prior: standard normal, or uniform between -1 and 1."""
    return draws.normal(*shape) if prior == "normal" else 2 * draws.uniform(*shape) - 1
