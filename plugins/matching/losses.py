"""The loss of matching networks: the attention that each query pays to its own way."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from unbraid.core.interfaces import Draws, EpisodeRows, Losses, Term
from unbraid.core.nn import matching_log_probabilities


class MatchingLoss:
    """Negative log-likelihood of queries under attention over the support (equation 1).

    Args:
        embed: latents `(B, *latent)` -> embeddings `(B, width)`.
        temperature: what cosines are multiplied by.
    """

    def __init__(self, embed: Callable[[Tensor], Tensor], temperature: float) -> None:
        self.embed = embed
        self.temperature = temperature

    def __call__(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute it; support and queries are embedded together, so batch norm sees both."""
        episodes: EpisodeRows = batch["episodes"]
        support, query = episodes.support, episodes.query
        embedded = self.embed(torch.cat([support.flatten(0, 2), query.flatten(0, 1)]))
        supports = support.shape[:3].numel()
        log_probabilities = matching_log_probabilities(
            embedded[:supports].view(*support.shape[:3], -1),
            embedded[supports:].view(*query.shape[:2], -1),
            self.temperature,
        )
        return {"matching": Term(F.nll_loss(log_probabilities.flatten(0, 1), episodes.target.flatten()))}
