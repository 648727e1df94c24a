"""Comparing queries with a support set: prototypes, attention over the support, a learned comparator."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unbraid.core.nn.mlp import MLP

# Shapes: E episodes, C ways, K shots, Q queries, D width.


def drawable_ways(labels: Tensor, wanted: int, rows: int) -> int:
    """Give the ways of episodes: as many as wanted, or as classes have enough rows, and never fewer than two.

    With too few classes even for two, drawing the first batch says what is missing.

    Args:
        labels: `(N,)`, -1 where missing.
        wanted: ways that were asked for, from 2.
        rows: that an episode takes of each class.

    >>> drawable_ways(torch.tensor([0, 0, 1, 1, 2, 2, 3, -1]), 5, rows=2)
    3
    """
    enough = labels[labels >= 0].bincount() >= rows
    return max(2, min(wanted, int(enough.sum())))


def prototype_logits(support: Tensor, query: Tensor) -> Tensor:
    """Score ways by the negative squared distance to the mean of their support (Snell et al. 2017, equation 2).

    Args:
        support: `(E, C, K, D)`.
        query: `(E, Q, D)`.

    Returns:
        Logits `(E, Q, C)`.

    >>> prototype_logits(torch.tensor([[[[0.0]], [[2.0]]]]), torch.tensor([[[3.0]]]))
    tensor([[[-9., -1.]]])
    """
    prototypes = support.mean(2)
    return -(query.unsqueeze(2) - prototypes.unsqueeze(1)).square().sum(-1)


def matching_log_probabilities(support: Tensor, query: Tensor, temperature: float = 10.0) -> Tensor:
    """Attend to the whole support set by cosine and add up the attention of each way.

    Matching Networks (Vinyals et al. 2016, equation 1), with a temperature that the paper does not have and without
    which training is very slow.

    Args:
        support: `(E, C, K, D)`.
        query: `(E, Q, D)`.
        temperature: what cosines are multiplied by before the softmax over all C * K support rows.

    Returns:
        Log-probabilities `(E, Q, C)`.
    """
    ways, shots = support.shape[1:3]
    cosine = F.normalize(query, dim=-1) @ F.normalize(support.flatten(1, 2), dim=-1).transpose(1, 2)
    attention = (temperature * cosine).log_softmax(-1)
    return attention.view(*attention.shape[:2], ways, shots).logsumexp(-1)


class RelationScorer(nn.Module):
    """A learned comparison of two rows: an MLP over their concatenation (after Sung et al. 2018).

    Hidden widths are D, D/2, D/3 and D/4 as in the published code of FDEN; the order of the two rows matters.

    Args:
        width: D.
        dropout: probability, before every linear layer.
        slope: of the leaky ReLU below zero.
        bias: whether linear layers have one.
    """

    def __init__(self, width: int, *, dropout: float = 0.0, slope: float = 0.01, bias: bool = True) -> None:
        super().__init__()
        hidden = [max(width // part, 1) for part in (1, 2, 3, 4)]
        self.network = MLP((2 * width, *hidden, 1), dropout=dropout, slope=slope, bias=bias)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Score pairs of rows: two `(B, D)` -> `(B,)`, higher is more alike."""
        scores: Tensor = self.network(torch.cat([first, second], -1))
        return scores.squeeze(-1)

    def logits(self, support: Tensor, query: Tensor) -> Tensor:
        """Score ways by the mean score of their shots: support `(E, C, K, D)`, query `(E, Q, D)` -> `(E, Q, C)`."""
        (episodes, ways, shots, width), queries = support.shape, query.shape[1]
        shape = (episodes, queries, ways, shots, width)
        first = support.unsqueeze(1).expand(shape).reshape(-1, width)
        second = query[:, :, None, None].expand(shape).reshape(-1, width)
        scores: Tensor = self(first, second)
        return scores.view(shape[:-1]).mean(-1)


def episode_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Average the negative log-likelihood of the right ways: logits `(E, Q, C)`, targets `(E, Q)` -> scalar."""
    return F.cross_entropy(logits.flatten(0, 1), target.flatten())
