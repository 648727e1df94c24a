"""A small method as a third party writes it: public names only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unbraid import Backbone, Batch, Disentangler, Draws, Factor, LatentSpec, Losses, Objective, SameClassPairs, Term


@dataclass(frozen=True)
class EchoConfig:
    """Settings of `EchoSplit`.

    Args:
        width: of the content factor; style gets the same.
        echo: weight of the term that makes contents of one class alike.
    """

    width: int = 4
    echo: float = 0.5

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError("width counts from 1")


class EchoSplit(Disentangler):
    """Cuts a linear image of the latent in two; one half must echo within a class."""

    capabilities = frozenset({"entangle"})
    steps = 200

    def __init__(self, config: EchoConfig, latent: LatentSpec) -> None:
        super().__init__()
        self.config, self.latent = config, latent
        self.factors = (
            Factor("echo", (config.width,), "content", "content"),
            Factor("remainder", (config.width,), "style"),
        )
        self.there = nn.Linear(latent.width, 2 * config.width)
        self.back = nn.Linear(2 * config.width, latent.width)

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Split latents."""
        echo, remainder = self.there(z.flatten(1)).tensor_split(2, 1)
        return {"echo": echo, "remainder": remainder}

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Join factors."""
        joined = self.back(torch.cat([factors["echo"], factors["remainder"]], 1))
        return joined.unflatten(1, self.latent.shape)

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give the one loss."""
        pairs: dict[str, Any] = {"pairs": SameClassPairs(32)}
        return [Objective(name="echo", batch=pairs, loss=self._loss, updates=[self.there, self.back])]

    def _loss(self, batch: Batch, draws: Draws) -> Losses:
        pairs: Any = batch["pairs"]
        first, second = self.disentangle(pairs.first), self.disentangle(pairs.second)
        swapped = self.entangle({"echo": second["echo"], "remainder": first["remainder"]})
        return {
            "swap": Term((swapped - pairs.first).square().mean()),
            "echo": Term((first["echo"] - second["echo"]).square().mean(), self.config.echo),
        }
