"""A plain method that keeps every promise: where broken ones start from, and what metrics are checked on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unbraid.core.errors import ConfigError
from unbraid.core.interfaces import Backbone, Disentangler, Draws, Factor, LatentSpec, Objective, SameClassPairs, Term
from unbraid.core.interfaces.objective import Losses


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyConfig:
    """Settings of `ToyMethod`.

    Args:
        width: of each factor.
        lr: of Adam.
    """

    width: int = 4
    lr: float = 1e-3

    def __post_init__(self) -> None:
        if self.width < 1 or not self.lr > 0:
            raise ConfigError("toy: a setting is out of range", expected="width >= 1, lr > 0", found=self)


class ToyMethod(Disentangler):
    """Cuts a linear image of the latent in two; the content of one row of a class rebuilds another."""

    capabilities = frozenset({"entangle", "score"})
    steps = 50

    def __init__(self, config: ToyConfig, latent: LatentSpec) -> None:
        super().__init__()
        self.config, self.latent = config, latent
        self.factors = (
            Factor("what", (config.width,), "content", "content"),
            Factor("how", (config.width,), "style"),
        )
        self.there = nn.Linear(latent.width, 2 * config.width)
        self.back = nn.Linear(2 * config.width, latent.width)

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Split latents `(B, *latent)`."""
        what, how = self.there(z.flatten(1)).tensor_split(2, 1)
        return {"what": what, "how": how}

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Join factors to latents `(B, *latent)`."""
        joined: Tensor = self.back(torch.cat([factors["what"], factors["how"]], 1))
        return joined.view(-1, *self.latent.shape)

    def score(self, first: Tensor, second: Tensor) -> Tensor:
        """Negative squared distance, `(B,)`."""
        return -(first - second).square().sum(1)

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give the one loss."""
        pairs = {"pairs": SameClassPairs(16)}
        return [Objective(name="swap", batch=pairs, loss=self.loss, updates=[self.there, self.back])]

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Rebuild a row from its own style and the content of another row of its class."""
        first, second = self.disentangle(batch["pairs"].first), self.disentangle(batch["pairs"].second)
        swapped = self.entangle({"what": second["what"], "how": first["how"]})
        return {"swap": Term((swapped - batch["pairs"].first).square().mean())}
