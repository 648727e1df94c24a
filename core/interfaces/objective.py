"""One loss, the parameters it may move, and the batch it needs. A training step is a sequence of these."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from unbraid.core.errors import ConfigError
from unbraid.core.interfaces.batch import BatchSpec
from unbraid.core.interfaces.draws import Draws


class Term(NamedTuple):
    """One named part of a loss: a scalar and the weight it enters the total with."""

    value: Tensor
    weight: float = 1.0


#: The parts of a loss under their names; their weighted sum is the total.
Losses = Mapping[str, Term]


def total(losses: Losses) -> Tensor:
    """Sum the weighted terms to the scalar that is differentiated."""
    return torch.stack([term.value * term.weight for term in losses.values()]).sum()


@dataclass(frozen=True, slots=True)
class OptimiserSpec:
    """Which optimiser an objective owns; `adam`, `adamw` or `sgd`, always the fused kernels."""

    name: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    momentum: float = 0.0
    weight_decay: float = 0.0

    def build(self, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        """Make the optimiser over the given parameters."""
        if self.name == "sgd":
            return torch.optim.SGD(
                parameters, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay, fused=True
            )
        kinds: dict[str, type[torch.optim.Adam]] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
        if self.name not in kinds:
            raise ConfigError("unknown optimiser", expected="adam, adamw or sgd", found=self.name)
        return kinds[self.name](
            parameters, lr=self.lr, betas=self.betas, eps=self.eps, weight_decay=self.weight_decay, fused=True
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One loss and all the engine has to know about it.

    Args:
        name: appears in logs and error messages.
        batch: name -> what to draw; the loss finds the records under the same names.
        loss: `(batch, draws) -> Losses`. `batch[name]` is the record the spec asks for; `draws` gives the step's
            randomness. Must not wait for the device (no `.item()`).
        updates: the modules whose parameters it moves, and nothing else. Never a backbone.
        optimiser: each objective owns its optimiser, also over parameters that another objective moves too.
        repeat: how often it runs in one step, each time on a fresh batch.
        every: it runs in steps 0, every, 2 * every, ...
        gate: gives a boolean scalar on the device; where false the update is skipped, momentum included, without
            a host synchronisation.
        backward: fills `.grad` of the updated parameters; by default the gradient of the total.
    """

    name: str
    # The record's type follows from the spec under the same name, which a static type cannot say.
    loss: Callable[[Mapping[str, Any], Draws], Losses]
    batch: Mapping[str, BatchSpec]
    updates: Sequence[nn.Module]
    optimiser: OptimiserSpec = field(default_factory=OptimiserSpec)
    repeat: int = 1
    every: int = 1
    gate: Callable[[], Tensor] | None = None
    backward: Callable[[Losses], None] | None = None

    def __post_init__(self) -> None:
        if self.repeat < 1 or self.every < 1:
            raise ConfigError(
                f"objective {self.name!r}: repeat and every count from 1",
                expected=">= 1",
                found=f"repeat={self.repeat}, every={self.every}",
            )

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The parameters it moves, each once, in a stable order."""
        found = {id(p): p for module in self.updates for p in module.parameters() if p.requires_grad}
        return list(found.values())
