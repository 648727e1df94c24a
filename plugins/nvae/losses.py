"""What N-VAE minimises: equation (7) for labelled rows, its sum over classes for the others."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from unbraid.core.interfaces import Draws, Losses, Objective, OptimiserSpec, Posterior, Samples, Term
from unbraid.core.nn import gaussian_kl
from unbraid.core.nn.labelled import labelled_cross_entropy

if TYPE_CHECKING:
    from unbraid.plugins.nvae.model import NVAE

# Shapes: B rows, K classes of the training data, C classes of the data set, D numbers of a frozen latent.


class Bound:
    """The negative bound, a mean over rows.

    Reconstruction and divergences are sums over dimensions. A row without a label counts once for each class, weighted
    by q(y|x), and pays the divergence of q(y|x) from a uniform prior: Kingma et al. 2014, equation (7). The constant
    log K of labelled rows is left out.

    Args:
        head: whose networks it moves.
        classes: `(K,)` classes that training rows have.
        partial: whether there are rows without a label.
    """

    def __init__(self, head: "NVAE", classes: Tensor, *, partial: bool) -> None:
        self.head = head
        self.classes = classes
        self.partial = partial

    def objective(self) -> Objective:
        """Give the objective for the engine."""
        config = self.head.config
        return Objective(
            name="bound",
            batch={"rows": Samples(config.rows)},
            loss=self.loss,
            updates=[self.head],
            optimiser=OptimiserSpec("adam", lr=config.lr),
        )

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute the terms with one sample of the latents a row."""
        head, config = self.head, self.head.config
        label = batch["rows"].labels["content"]
        x = head.standardised(batch["rows"].z)
        posteriors = head.read(x)
        shared, dependent = (p.sample(draws.normal(*p.mean.shape)) for p in posteriors)
        logits = head.logits(x)
        terms = {
            "reconstruction": Term(self._reconstruction(x, label, logits, shared, dependent).mean()),
            "shared_kl": Term(_divergence(posteriors[0]).mean(), config.beta_s),
            "class_dependent_kl": Term(_divergence(posteriors[1]).mean(), config.beta_c),
            "class": Term(labelled_cross_entropy(logits, label), config.class_weight),
        }
        if self.partial:
            terms["class_kl"] = Term(self._class_kl(label, logits).mean())
        return terms

    def _reconstruction(self, x: Tensor, label: Tensor, logits: Tensor, shared: Tensor, dependent: Tensor) -> Tensor:
        """Give the negative log-likelihood of each row up to a constant, `(B,)`."""
        head = self.head
        if not self.partial:
            return head.misfit(x, head.join(one_hot(label, logits), shared, dependent))
        each = torch.eye(logits.shape[1], device=x.device)[self.classes]  # (K, C)
        made = head.join(
            each.expand(len(x), -1, -1),
            shared.unsqueeze(1).expand(-1, len(each), -1),
            dependent.unsqueeze(1).expand(-1, len(each), -1),
        )
        return (self._weights(label, logits) * head.misfit(x.unsqueeze(1), made)).sum(1)

    def _weights(self, label: Tensor, logits: Tensor) -> Tensor:
        """Give the share of each class in each row, `(B, K)`: all of the label's, or q(y|x) where it is missing."""
        weights = torch.where((label < 0).unsqueeze(1), logits.softmax(1), one_hot(label, logits))
        return weights[:, self.classes]

    def _class_kl(self, label: Tensor, logits: Tensor) -> Tensor:
        """Give KL(q(y|x) || uniform) of rows without a label and 0 of the others, `(B,)`."""
        log_q = logits[:, self.classes].log_softmax(1)
        divergence = (log_q.exp() * (log_q + math.log(len(self.classes)))).sum(1)
        return torch.where(label < 0, divergence, 0)


def one_hot(label: Tensor, logits: Tensor) -> Tensor:
    """Give `(B, C)` with a one at each label; a missing label gives class 0."""
    return F.one_hot(label.clamp_min(0), logits.shape[1]).to(logits)


def _divergence(posterior: Posterior) -> Tensor:
    assert posterior.log_variance is not None
    return gaussian_kl(posterior.mean, posterior.log_variance)
