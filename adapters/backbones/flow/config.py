"""Settings of the flow; imports no torch."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar

from unbraid.core.config import check_range
from unbraid.core.pretrain_settings import PretrainSettings

_require = partial(check_range, "flow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """What fixes the shape of every tensor of a flow.

    Args:
        channels: of the images, 1 (grey) or 3 (colour).
        size: height and width of the images, a multiple of 4.
        steps: couplings on each of the two scales.
        hidden: channels inside a coupling.

    Raises:
        ConfigError: a value is out of range.
    """

    channels: int = 1
    size: int = 28
    steps: int = 4
    hidden: int = 32

    def __post_init__(self) -> None:
        _require(self.channels in (1, 3), "channels", "1 (grey) or 3 (colour)", self.channels)
        _require(self.size >= 4 and self.size % 4 == 0, "size", "a multiple of 4", self.size)
        _require(self.steps >= 1, "steps", ">= 1", self.steps)
        _require(self.hidden >= 1, "hidden", ">= 1", self.hidden)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowConfig:
    """Settings of `load_backbone("flow", ...)`.

    Args:
        weights: a folder that `unbraid pretrain` wrote, or None for an untrained flow.
        channels: of the images; this and the next three are None for what the weights say, and must agree with it.
        size: height and width of the images, a multiple of 4.
        steps: couplings on each of the two scales.
        hidden: channels inside a coupling.
        seed: of the initial weights of an untrained flow.

    Raises:
        ConfigError: a value is out of range.
    """

    weights: str | None = None
    channels: int | None = None
    size: int | None = None
    steps: int | None = None
    hidden: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        self.architecture()

    @property
    def given(self) -> dict[str, Any]:
        """The parts of the architecture that were set."""
        names = ("channels", "size", "steps", "hidden")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def architecture(self) -> Architecture:
        """Give the architecture of an untrained flow: what was set, defaults for the rest."""
        return Architecture(**(asdict(Architecture()) | self.given))


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainConfig(PretrainSettings):
    """Settings of `unbraid pretrain` for a flow; see `PretrainSettings`."""

    adapter: ClassVar[str] = "flow"

    lr: float = 1e-3
