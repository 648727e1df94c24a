"""Settings of Szabo's method."""

from dataclasses import dataclass
from typing import ClassVar

from unbraid.core.two_codes.config import TwoCodesConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class SzaboConfig(TwoCodesConfig):
    """Settings of Szabo's method; the defaults are the `default` preset. See also `TwoCodesConfig`.

    Args:
        reconstruction: weight of the swapped reconstruction, a mean over numbers.
        deceptions: updates of the generator in each step.

    Raises:
        ConfigError: a value out of range.
    """

    method: ClassVar[str] = "szabo"

    reconstruction: float = 1.0
    deceptions: int = 2
    code_slope: float = 1.0
    map_slope: float = 0.0
    betas: tuple[float, float] = (0.5, 0.999)
    steps: int = 1_500

    def __post_init__(self) -> None:
        TwoCodesConfig.__post_init__(self)  # a class with slots is made twice, and super() would mean the first
        self.check_at_least(0, "reconstruction")
        self.check_at_least(1, "deceptions")
