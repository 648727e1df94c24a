"""Where the rows of each class are, as tensors on the device."""

import difflib
from dataclasses import dataclass

import torch
from torch import Tensor

from unbraid.core.errors import LabelError
from unbraid.core.interfaces import Draws
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
            near = difflib.get_close_matches(role, latents.labels, n=3, cutoff=0.5)
            other = "choose a data set that has it, or a method with less supervision"
            raise LabelError(
                f"training needs a {role} label on every row",
                expected=f"labels of role {role!r}",
                found=f"labels of {', '.join(latents.labels) or 'no role'}",
                hint=f"did you mean {' or '.join(map(repr, near))}?" if near else other,
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


@dataclass(frozen=True, slots=True)
class CellIndex:
    """Positions of a set of latents grouped by (content, style).

    Args:
        order: positions, cell after cell.
        start: `(contents, styles)` where each cell begins in `order`.
        count: `(contents, styles)` how many rows it has, at least one.
    """

    order: Tensor
    start: Tensor
    count: Tensor

    @classmethod
    def of(cls, latents: Latents) -> "CellIndex":
        """Group the rows that have both labels; contents that miss a style are left out.

        Raises:
            LabelError: fewer than two contents or styles remain.
        """
        content, style = (latents.label(role).cpu() for role in ("content", "style"))
        size = (latents.classes["content"], latents.classes.get("style", 1))
        cell = torch.where((content >= 0) & (style >= 0), content * size[1] + style, -1)
        order = cell.argsort(stable=True)[int((cell < 0).sum()) :]
        count = torch.bincount(cell[order], minlength=size[0] * size[1])
        start = (count.cumsum(0) - count).view(size)
        count = count.view(size)
        styles = torch.nonzero(count.any(0)).squeeze(-1)
        contents = torch.nonzero((count[:, styles] > 0).all(1)).squeeze(-1) if len(styles) else styles
        if len(contents) < 2 or len(styles) < 2:
            raise LabelError(
                "crossing contents and styles needs rows for every combination",
                expected="at least 2 contents that exist in at least 2 common styles",
                found=f"{len(contents)} complete contents in {len(styles)} styles",
                hint="use a data set whose contents and styles are fully crossed, such as glyphs",
            )
        device = latents.device
        start, count = (each[contents][:, styles].to(device) for each in (start, count))
        return cls(order.to(device), start, count)

    def draw(self, content: Tensor, style: Tensor, draws: Draws) -> Tensor:
        """Give the position of a row of each cell, `(B,)`, every row of a cell alike."""
        return self.order[self.start[content, style] + draws.below(self.count[content, style])]
