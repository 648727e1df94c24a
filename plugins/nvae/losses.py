"""What N-VAE minimises: equation (7) for labelled rows, its sum over classes for the others."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from unbraid.core.interfaces import Draws, Losses, Objective, OptimiserSpec, Posterior, Samples, Term
from unbraid.core.nn import gaussian_kl
from unbraid.core.nn.labelled import class_weights, divergence_from_uniform, labelled_cross_entropy, one_hot

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
        features = head.trunk(x)
        posteriors = head.read(features)
        shared, dependent = (p.sample(draws.normal(*p.mean.shape)) for p in posteriors)
        logits = head.logits(features)
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
        b, k = len(x), len(each)
        shared, dependent = (latents.repeat_interleave(k, 0) for latents in (shared, dependent))
        made = head.join(each.repeat(b, 1), shared, dependent).view(b, k, -1)
        return (class_weights(label, logits)[:, self.classes] * head.misfit(x.unsqueeze(1), made)).sum(1)

    def _class_kl(self, label: Tensor, logits: Tensor) -> Tensor:
        """Give KL(q(y|x) || uniform) of rows without a label and 0 of the others, `(B,)`."""
        return torch.where(label < 0, divergence_from_uniform(logits[:, self.classes]), 0)


def _divergence(posterior: Posterior) -> Tensor:
    assert posterior.log_variance is not None
    return gaussian_kl(posterior.mean, posterior.log_variance)
