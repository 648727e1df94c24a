"""Settings of Mathieu's method."""

from dataclasses import dataclass
from typing import ClassVar

from unbraid.core.two_codes.config import TwoCodesConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class MathieuConfig(TwoCodesConfig):
    """Settings of Mathieu's method; the defaults are the `default` preset. See also `TwoCodesConfig`.

    Args:
        reconstruction: weight of rebuilding a row from its own codes, a mean over numbers.
        swap: weight of rebuilding it with the specified code of another row of its class.
        kl: weight of the divergence of the unspecified code from its prior, divided by the numbers of a latent.
        adversarial: weight of deceiving the pair discriminator, against that of the divergence in the same objective.
        deceptions: updates of the generator in each step.

    Raises:
        ConfigError: a value out of range.
    """

    method: ClassVar[str] = "mathieu"

    reconstruction: float = 1.0
    swap: float = 1.0
    kl: float = 1.0
    adversarial: float = 1.0
    deceptions: int = 2
    betas: tuple[float, float] = (0.5, 0.999)
    steps: int = 1_500

    def __post_init__(self) -> None:
        TwoCodesConfig.__post_init__(self)  # a class with slots is made twice, and super() would mean the first
        self.check_at_least(0, "reconstruction", "swap", "kl", "adversarial")
        self.check_at_least(1, "deceptions")
