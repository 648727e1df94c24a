"""The two players, and the reader of poses."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from unbraid.core.interfaces import Draws, Losses, Objective, OptimiserSpec, Samples, Term
from unbraid.core.nn.labelled import labelled_cross_entropy

if TYPE_CHECKING:
    from unbraid.plugins.dr_gan.model import DRGAN


class Game:
    """Discriminator against encoder and decoder; a reader learns poses beside them.

    Args:
        head: whose networks they move.
    """

    def __init__(self, head: "DRGAN") -> None:
        self.head = head
        self.poses = head.poses.nonzero().flatten()

    def objectives(self) -> list[Objective]:
        """Give the discriminator's objective, the generator's, and the reader's."""
        head = self.head
        judge, limit = head.discriminator, head.config.accuracy_limit
        return [
            self._objective("judge", self.judgement, [judge], gate=lambda: judge.accuracy < limit),
            self._objective("generate", self.deceit, [head.encoder, head.decoder]),
            self._objective("read", self.reading, [head.reader]),
        ]

    def judgement(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute what the discriminator descends on."""
        rows = batch["rows"]
        x = self.head.standardised(rows.z)
        with torch.no_grad():
            made_up, _ = self.made_up(x, draws)
        labels = (rows.labels["content"], rows.labels["style"])
        return _terms(self.head.discriminator.judge(x, *labels, made_up))

    def deceit(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute what encoder and decoder descend on: rows in another pose keep their identity."""
        rows = batch["rows"]
        made_up, pose = self.made_up(self.head.standardised(rows.z), draws)
        return _terms(self.head.discriminator.deceived(made_up, rows.labels["content"], pose))

    def reading(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute the cross-entropy of the pose."""
        logits = self.head.pose_logits(self.head.standardised(batch["rows"].z))
        return {"pose": Term(labelled_cross_entropy(logits, batch["rows"].labels["style"]))}

    def made_up(self, x: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        """Give rows `(B, D)` in poses drawn from those of the training rows, and the poses `(B,)`."""
        pose = self.poses[draws.below(torch.full((len(x),), len(self.poses), device=x.device))]
        code = torch.zeros(len(x), len(self.head.poses), device=x.device).scatter_(1, pose.unsqueeze(1), 1)
        noise = 2 * draws.uniform(len(x), self.head.config.noise) - 1
        return self.head.join(self.head.encoder(x), code, noise), pose

    def _objective(self, name: str, loss: Any, updates: list[torch.nn.Module], **more: Any) -> Objective:
        config = self.head.config
        optimiser = OptimiserSpec("adam", lr=config.lr, betas=config.betas)
        batch = {"rows": Samples(config.rows)}
        return Objective(name=name, batch=batch, loss=loss, updates=updates, optimiser=optimiser, **more)


def _terms(values: Mapping[str, Tensor]) -> Losses:
    return {name: Term(value) for name, value in values.items()}
