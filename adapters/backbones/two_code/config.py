"""Settings of the adapter; imports no torch."""

from dataclasses import asdict, dataclass
from typing import Any

from unbraid.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """What fixes the network.

    Args:
        unspecified: width of the code of what varies within a class.
        specified: width of the code of the class.
        stochastic: whether the unspecified code has a variance (cycle-VAE, Mathieu) or is a point (Szabo).
        code_slope: of the leaky rectifiers the decoder puts on the codes; 1 is none.
        map_slope: of those between its transposed convolutions; 0 is a plain rectifier.

    Raises:
        ConfigError: a width is below 1.
    """

    unspecified: int = 16
    specified: int = 16
    stochastic: bool = True
    code_slope: float = 0.2
    map_slope: float = 0.2

    def __post_init__(self) -> None:
        for name in ("unspecified", "specified"):
            if getattr(self, name) < 1:
                raise ConfigError(f"two_code: {name} is out of range", expected=">= 1", found=getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoCodeConfig:
    """Settings of `load_backbone("two_code", ...)`.

    Args:
        weights: folder that `unbraid backbone convert two_code` wrote, or None for an untrained model.
        unspecified, specified, stochastic, code_slope, map_slope: of the architecture, which see; None for what the
            weights say, and must agree with it.
        seed: of the initial weights of an untrained model.

    Raises:
        ConfigError: a value is out of range.
    """

    weights: str | None = None
    unspecified: int | None = None
    specified: int | None = None
    stochastic: bool | None = None
    code_slope: float | None = None
    map_slope: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        self.architecture()

    @property
    def given(self) -> dict[str, Any]:
        """The parts of the architecture that were set."""
        names = ("unspecified", "specified", "stochastic", "code_slope", "map_slope")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def architecture(self) -> Architecture:
        """Give the architecture of an untrained model: what was set, defaults for the rest."""
        return Architecture(**(asdict(Architecture()) | self.given))
