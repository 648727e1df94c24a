"""Settings of PISCO."""

from dataclasses import dataclass

from unbraid import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class PiscoConfig:
    """Settings of PISCO.

    Args:
        weight: of change under style against variance, the paper's lambda (0, 1, 10 or 50 there): large keeps out of
            content what style moves, 0 takes the principal components.
        keep: share of the directions that are content or style, the paper's eta; the others are `rest`.
        style_width: directions of style; the paper takes one for each style factor. Must be fewer than the styles.
        ridge: penalty of the regression that finds them.

    Raises:
        ConfigError: a value out of range.
    """

    weight: float = 1.0
    keep: float = 0.95
    style_width: int = 1
    ridge: float = 1.0

    def __post_init__(self) -> None:
        self._check(0 <= self.weight < float("inf"), "weight", "0 or more")
        self._check(0 < self.keep <= 1, "keep", "above 0, up to 1")
        self._check(self.style_width >= 1, "style_width", "1 or more")
        self._check(0 < self.ridge < float("inf"), "ridge", "above 0")

    def _check(self, good: bool, name: str, expected: str) -> None:
        if not good:
            raise ConfigError(f"pisco: {name} is out of range", expected=expected, found=getattr(self, name))
