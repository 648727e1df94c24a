"""A discriminator that names identity and pose of what it sees, and says whether it was made up."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unbraid.core.nn.labelled import labelled_cross_entropy
from unbraid.plugins.dr_gan.config import Verdict

# Shapes: B rows, D numbers of a latent, I identities, P poses.


class Seen(NamedTuple):
    """Logits of rows."""

    identity: Tensor  # (B, I + 1): the last one is "made up"
    pose: Tensor  # (B, P)


class Discriminator(nn.Module):
    """Standardised latents `(B, D)` -> identity, one of them "made up", and pose.

    Args:
        network: `(B, D)` -> `(B, I + 1 + P)`.
        identities: I.
        verdict: whether "made up" is a logit of its own (`binary`) or one more identity (`extra_class`).
    """

    #: Mean accuracy of its verdicts at the last `judge` while training; a scalar on the device.
    accuracy: Tensor

    def __init__(self, network: nn.Module, identities: int, verdict: Verdict) -> None:
        super().__init__()
        self.network = network
        self.identities = identities
        self.verdict = verdict
        self.register_buffer("accuracy", torch.zeros(()))

    def forward(self, rows: Tensor) -> Seen:
        """Give the logits."""
        logits: Tensor = self.network(rows)
        return Seen(logits[:, : self.identities + 1], logits[:, self.identities + 1 :])

    def judge(self, real: Tensor, identity: Tensor, pose: Tensor, made_up: Tensor) -> dict[str, Tensor]:
        """Give what it descends on: the cross-entropies, each a mean over rows; notes the accuracy.

        Args:
            real: `(B, D)`.
            identity, pose: labels of the real rows, `(B,)`; -1 is missing.
            made_up: `(B, D)`.
        """
        seen, other = self(real), self(made_up)
        if self.training:
            with torch.no_grad():
                self.accuracy.copy_(self._accuracy(seen, other, identity, pose))
        return {**self._passes(seen, identity, pose), "made_up": self._is_made_up(other)}

    def deceived(self, made_up: Tensor, identity: Tensor, pose: Tensor) -> dict[str, Tensor]:
        """Give what the generator descends on: its rows pass for real ones of that identity and pose."""
        return self._passes(self(made_up), identity, pose)

    def _passes(self, seen: Seen, identity: Tensor, pose: Tensor) -> dict[str, Tensor]:
        """Give the cross-entropies of real rows of that identity and pose."""
        terms = {
            "identity": labelled_cross_entropy(self._named(seen), identity),
            "pose": labelled_cross_entropy(seen.pose, pose),
        }
        if self.verdict == "binary":  # elsewhere a row that has an identity is real
            logit = seen.identity[:, -1]
            terms["real"] = F.binary_cross_entropy_with_logits(logit, torch.ones_like(logit))
        return terms

    def _is_made_up(self, seen: Seen) -> Tensor:
        """Give the mean cross-entropy of taking rows for made-up ones."""
        if self.verdict == "binary":
            return F.softplus(seen.identity[:, -1]).mean()
        return F.cross_entropy(seen.identity, torch.full_like(seen.identity[:, 0], self.identities, dtype=torch.long))

    def _named(self, seen: Seen) -> Tensor:
        """Give the logits among which the identity is to be found."""
        return seen.identity if self.verdict == "extra_class" else seen.identity[:, :-1]

    def _accuracy(self, real: Seen, made_up: Seen, identity: Tensor, pose: Tensor) -> Tensor:
        if self.verdict == "binary":
            verdicts = torch.cat([real.identity[:, -1] > 0, made_up.identity[:, -1] <= 0])
        else:
            verdicts = made_up.identity.argmax(1) == self.identities
        named = (self._named(real).argmax(1) == identity, real.pose.argmax(1) == pose)
        return torch.stack([right.to(real.pose).mean() for right in (verdicts, *named)]).mean()
