"""One number of an evaluation, with everything needed to judge it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ConfigError, NonFiniteError

Interval = tuple[float, float]
#: `share` lies in [0, 1] and is printed in percent; `ratio` is relative to a variance; `mse` is of pixels in [0, 1].
Unit = Literal["share", "ratio", "mse", "nats"]

#: Names of the two baselines every figure is asked for.
RAW = "raw latents"
RANDOM = "random head"


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Accuracy of each episode, `(E,)` float64, and its classes, `(E, ways)` int64."""

    accuracies: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured value beside its chance level, its baselines and its interval.

    A figure that cannot be computed has no value and says why in `not_applicable`; it is never faked.

    Args:
        name: `metric/what/where`, unique within an evaluation, say `few_shot/identity/unseen_content`.
        value: what was measured, or None where it is not applicable.
        summary: one sentence that says what the number is.
        interval: 95 % interval; `protocol["interval"]` says over what.
        intervals: further 95 % intervals by what they range over, say `classes`.
        chance: what no knowledge at all would give.
        baselines: name -> value of what the head must beat; None where a baseline does not exist.
        baseline_intervals: 95 % intervals of the baselines that have one.
        higher_is_better: which direction is good.
        unit: how to print it.
        factor: the factor of the head the figure is about, if it is about one.
        protocol: how it was measured; JSON values only.
        headline: a plain sentence for the top of a report; empty where the figure is not that important.
        not_applicable: why there is no value.
        at_least: whether the value is only the most that could be told, and the truth at least that.
        trials: of every episode; not among the JSON values, and equal figures may differ in it.

    Raises:
        ConfigError: the figure has both a value and a reason not to have one, or neither.
        NonFiniteError: value, chance, a baseline or an end of an interval is NaN or infinite.

    >>> figure = Figure(name="accuracy", value=0.5, summary="Share of right answers.", chance=0.2)
    >>> Figure.from_dict(figure.to_dict()) == figure
    True
    """

    name: str
    value: float | None
    summary: str
    interval: Interval | None = None
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    chance: float | None = None
    baselines: Mapping[str, float | None] = field(default_factory=dict)
    baseline_intervals: Mapping[str, Interval] = field(default_factory=dict)
    higher_is_better: bool = True
    unit: Unit = "share"
    factor: str | None = None
    protocol: Mapping[str, Any] = field(default_factory=dict)
    headline: str = ""
    not_applicable: str | None = None
    at_least: bool = False
    trials: Trials | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.not_applicable):
            raise ConfigError(
                f"figure {self.name!r} must have either a value or a reason why there is none",
                found=f"value {self.value}, not_applicable {self.not_applicable!r}",
            )
        broken = [number for number in self._numbers() if number is not None and not math.isfinite(number)]
        if broken:
            raise NonFiniteError(
                f"figure {self.name!r} is no number",
                expected="finite value, chance, baselines and intervals",
                found=f"{broken[0]}",
                hint="a metric says why it does not apply instead: Figure.absent(name, reason)",
            )

    def _numbers(self) -> Iterable[float | None]:
        pairs = [pair for pair in (self.interval, *self.intervals.values(), *self.baseline_intervals.values()) if pair]
        return [self.value, self.chance, *self.baselines.values(), *(end for pair in pairs for end in pair)]

    @classmethod
    def absent(cls, name: str, reason: str, *, summary: str = "", factor: str | None = None) -> Self:
        """Make the figure of something that cannot be measured here.

        Args:
            name: as it would be called if it could.
            reason: what is missing.
            summary: what the number would be.
            factor: the factor it would be about.
        """
        return cls(name=name, value=None, summary=summary, factor=factor, not_applicable=reason)

    @property
    def normalised(self) -> float | None:
        """`(value - chance) / (1 - chance)` of a share: 0 is chance and 1 perfect; None where that has no meaning."""
        if self.value is None or self.chance is None or self.unit != "share" or self.chance >= 1:
            return None
        return (self.value - self.chance) / (1 - self.chance)

    def to_dict(self) -> dict[str, Any]:
        """Give JSON values, which `from_dict` reads back to an equal figure."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "trials"}
        plain["intervals"] = {name: list(pair) for name, pair in self.intervals.items()}
        plain["baseline_intervals"] = {name: list(pair) for name, pair in self.baseline_intervals.items()}
        plain["interval"] = None if self.interval is None else list(self.interval)
        return plain | {"baselines": dict(self.baselines), "protocol": dict(self.protocol)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave."""
        figure = cls(**plain)
        return replace(
            figure,
            interval=_pair(figure.interval),
            intervals={name: _interval(pair) for name, pair in figure.intervals.items()},
            baseline_intervals={name: _interval(pair) for name, pair in figure.baseline_intervals.items()},
        )


def _pair(values: Any) -> Interval | None:
    return None if values is None else _interval(values)


def _interval(values: Any) -> Interval:
    low, high = values
    return (low, high)
