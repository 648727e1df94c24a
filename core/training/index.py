"""Where the rows of each class are, as tensors on the device."""

from dataclasses import dataclass

import torch
from torch import Tensor

from unbraid.core.errors import LabelError
from unbraid.core.latents import Latents


@dataclass(frozen=True, slots=True)
class ClassIndex:
    """Positions of a set of latents grouped by class; rows without a label (-1) are in no class.

    Args:
        order: `(labelled,)` positions, class after class.
        start: `(eligible,)` where each eligible class begins in `order`.
        count: `(eligible,)` how many rows it has.
        classes: `(eligible,)` class ids.
    """

    order: Tensor
    start: Tensor
    count: Tensor
    classes: Tensor

    @classmethod
    def of(cls, latents: Latents, role: str, *, at_least: int) -> "ClassIndex":
        """Group by the label of a role, and keep the classes with `at_least` rows.

        Raises:
            LabelError: the data has no label of that role.
        """
        if role not in latents.labels:
            raise LabelError(
                f"training needs a {role} label on every row",
                expected=f"labels of role {role!r}",
                found=f"labels of {', '.join(latents.labels) or 'no role'}",
                hint="choose a data set that has it, or a method with less supervision",
            )
        # Built on the host, once: sizes must be Python numbers so that a step never asks the device for one.
        labels = latents.label(role).cpu()
        order = labels.argsort(stable=True)
        missing = int((labels < 0).sum())
        order = order[missing:]
        counts = torch.bincount(labels[order], minlength=latents.classes[role])
        starts = counts.cumsum(0) - counts
        eligible = torch.nonzero(counts >= at_least).squeeze(-1)
        device = latents.device
        return cls(order.to(device), starts[eligible].to(device), counts[eligible].to(device), eligible.to(device))

    def __len__(self) -> int:
        return self.classes.shape[0]

    def positions(self, which: Tensor, within: Tensor) -> Tensor:
        """Give the positions of the rows `within` (`(*s, k)`) of the eligible classes `which` (`(*s,)`)."""
        return self.order[self.start[which].unsqueeze(-1) + within]
