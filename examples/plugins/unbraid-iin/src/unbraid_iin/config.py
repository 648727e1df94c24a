"""Settings of the flow head."""

import math
from dataclasses import dataclass

from unbraid import ConfigError
from unbraid.core.nn import MapView


@dataclass(frozen=True, slots=True, kw_only=True)
class IinConfig:
    """Settings of the flow head.

    Args:
        labels: roles of the labels that get a block each (`content`, `style`, attributes of the data set); what none of
            them names is in the block `residual`.
        width: numbers of the block of a label; None divides the latent evenly, the residual included.
        repeats: of normalisation, coupling and shuffle.
        hidden: width of the networks in a coupling.
        depth: hidden layers of these networks after the first.
        correlation: of the block two samples share, the paper's rho.
        pairs: of a label in a training step.
        map: how maps are seen: `flattened` (up to 4096 numbers), `pooled`, by `positions`, or `auto`.
        lr: of Adam.
        steps: training steps of a fit unless told otherwise.

    Raises:
        ConfigError: a value out of range.
    """

    labels: tuple[str, ...] = ("content",)
    width: int | None = None
    repeats: int = 6
    hidden: int = 64
    depth: int = 2
    correlation: float = 0.975
    pairs: int = 64
    map: MapView = "auto"
    lr: float = 1e-3
    steps: int = 1_000

    def __post_init__(self) -> None:
        different = len(set(self.labels)) == len(self.labels)
        self._check(different and "content" in self.labels, "labels", "different roles, content among them")
        self._check("residual" not in self.labels, "labels", "roles; the block `residual` is there anyway")
        self._check(self.width is None or self.width >= 1, "width", ">= 1, or None")
        for name in ("repeats", "hidden", "pairs", "steps"):
            self._check(getattr(self, name) >= 1, name, ">= 1")
        self._check(self.depth >= 0, "depth", ">= 0")
        self._check(0 < self.correlation < 1, "correlation", "above 0, below 1")
        self._check(0 < self.lr < math.inf, "lr", "> 0")

    def _check(self, good: bool, name: str, expected: str) -> None:
        if not good:
            raise ConfigError(f"iin: {name} is out of range", expected=expected, found=getattr(self, name))
