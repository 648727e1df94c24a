"""Settings of methods that say what is out of range; imports no torch."""

from typing import Any, ClassVar, Literal, get_args

from unbraid.core.config import check_range

#: Which networks a method has: fully connected ones, its paper's convolutions, or (`auto`) the latter wherever they fit.
Network = Literal["auto", "mlp", "convolutional"]


class CheckedSettings:
    """Checks for the `__post_init__` of a frozen dataclass; has no fields.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, slots=True, kw_only=True)
    ... class Settings(CheckedSettings):
    ...     method: ClassVar[str] = "mine"
    ...     lr: float = 1e-3
    ...     def __post_init__(self):
    ...         self.check_positive("lr")
    >>> Settings(lr=0.0)
    Traceback (most recent call last):
    unbraid.core.errors.ConfigError: mine: lr is out of range
      expected: > 0
      found:    0.0
    """

    __slots__ = ()
    #: Named in messages.
    method: ClassVar[str]

    def check(self, good: bool, name: str, expected: str) -> None:
        """Raise `ConfigError` about a setting unless it is good."""
        check_range(self.method, good, name, expected, getattr(self, name))

    def check_at_least(self, low: int, *names: str) -> None:
        """Raise where a setting is below `low`."""
        for name in names:
            self.check(getattr(self, name) >= low, name, f">= {low}")

    def check_positive(self, *names: str) -> None:
        """Raise where a setting is not above 0."""
        for name in names:
            self.check(getattr(self, name) > 0, name, "> 0")

    def check_share(self, *names: str) -> None:
        """Raise where a setting is not a share below 1."""
        for name in names:
            self.check(0 <= getattr(self, name) < 1, name, f"0 <= {name} < 1")

    def check_widths(self, *names: str) -> None:
        """Raise where a setting does not hold the widths of one hidden layer or more."""
        for name in names:
            widths = getattr(self, name)
            self.check(bool(widths) and min(widths) >= 1, name, "one or more widths, each >= 1")

    def check_one_of(self, name: str, choices: Any) -> None:
        """Raise where a setting is none of the values of a `Literal`."""
        self.check(getattr(self, name) in get_args(choices), name, ", ".join(get_args(choices)))

    def check_betas(self, name: str = "betas") -> None:
        """Raise where a setting is no pair of decay rates of Adam."""
        self.check(all(0 <= beta < 1 for beta in getattr(self, name)), name, "two numbers in [0, 1)")
