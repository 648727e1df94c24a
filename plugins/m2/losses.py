"""What M2 minimises: -L of labelled rows, -U of the others, and the classifier's cross-entropy."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from unbraid.core.interfaces import Draws, Losses, Objective, OptimiserSpec, Rows, Samples, Term
from unbraid.core.nn.labelled import class_weights, divergence_from_uniform, labelled_cross_entropy, one_hot

if TYPE_CHECKING:
    from unbraid.plugins.m2.model import M2

# Shapes: B rows, K classes of the training data, C classes of the data set, D numbers of a latent, S of the style.


class Bound:
    """J of equation (9), divided by the number of rows N.

    The classifier's cross-entropy is a mean over rows that have a label, drawn by themselves: alpha there is
    alpha N / N_l for each of N_l such rows in the paper's sum.

    A row without a label counts once for each class, weighted by q(y|x), and pays the divergence of q(y|x) from the
    uniform prior. Constants are left out: D log(2 pi variance) / 2 of the likelihood, and log K of labelled rows.

    Args:
        head: whose networks it moves.
    """

    def __init__(self, head: "M2") -> None:
        self.head = head
        self.classes = head.classes

    def objective(self) -> Objective:
        """Give the objective for the engine."""
        config = self.head.config
        batch = {"rows": Samples(config.rows)}
        if self.head.partial:  # few rows of a batch would have a label
            batch["labelled"] = Samples(config.labelled, label="content")
        return Objective(
            name="bound",
            batch=batch,
            loss=self.loss,
            updates=[self.head],
            optimiser=OptimiserSpec("adam", lr=config.lr),
        )

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute the terms with one draw of the style a row, which all classes share."""
        head, label = self.head, batch["rows"].labels["content"]
        x = head.standardised(batch["rows"].z)
        logits = head.logits(x)
        noise = draws.normal(len(x), head.config.style)
        misfit, divergence = self._each(x, logits, noise) if head.partial else self._known(x, label, logits, noise)
        weights = class_weights(label, logits)[:, self.classes] if head.partial else torch.ones_like(misfit)
        terms = {
            "reconstruction": Term((weights * misfit).sum(1).mean()),
            "style_kl": Term((weights * divergence).sum(1).mean()),
        }
        if head.partial:
            unlabelled = torch.where(label < 0, divergence_from_uniform(logits[:, self.classes]), 0)
            terms["class_kl"] = Term(unlabelled.mean())
            logits, label = self._labelled(batch["labelled"])
        return {**terms, "class": Term(labelled_cross_entropy(logits, label), head.config.alpha)}

    def _labelled(self, rows: Rows) -> tuple[Tensor, Tensor]:
        """Give logits and labels of rows that have one."""
        return self.head.logits(self.head.standardised(rows.z)), rows.labels["content"]

    def _known(self, x: Tensor, label: Tensor, logits: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Give misfit and divergence of each row as the class of its label, `(B, 1)` each."""
        misfit, divergence = self.head.bound(x, one_hot(label, logits), noise)
        return misfit.unsqueeze(1), divergence.unsqueeze(1)

    def _each(self, x: Tensor, logits: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Give misfit and divergence of each row as each class, `(B, K)` each."""
        every = torch.eye(logits.shape[1], device=x.device)[self.classes]  # (K, C)
        b, k = len(x), len(every)
        rows, styles = (each.repeat_interleave(k, 0) for each in (x, noise))
        misfit, divergence = self.head.bound(rows, every.repeat(b, 1), styles)
        return misfit.view(b, k), divergence.view(b, k)
