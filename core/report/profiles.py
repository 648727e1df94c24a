"""Figures that speak of every number of a factor, as bars."""

from collections.abc import Iterable
from dataclasses import dataclass

from unbraid.core.evaluation import RAW, Figure
from unbraid.core.evaluation.formatting import format_value
from unbraid.core.report.charts import HEIGHT, WIDTH

#: Share of the room of a bar that is drawn.
FILLED = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A bar for each number of a factor.

    Args:
        title: whose numbers.
        bars: `(x, y, width, height)` of each in `WIDTH` x `HEIGHT`; a number without a value has height 0.
        lines: name -> height at which a dashed line says what the bars stand beside.
        high: upper end of the vertical axis, printed; the lower one is 0.
    """

    title: str
    bars: tuple[tuple[float, float, float, float], ...]
    lines: dict[str, float]
    high: str


def profiles(figures: Iterable[Figure]) -> list[Profile]:
    """Lay out the figures whose protocol holds `per_number`, values of 0 and more or None, one a number of the factor."""
    return [_profile(figure) for figure in figures if figure.protocol.get("per_number")]


def _profile(figure: Figure) -> Profile:
    values = [value or 0.0 for value in figure.protocol["per_number"]]
    beside = {"chance": figure.chance, RAW: figure.baselines.get(RAW)}
    lines = {name: value for name, value in beside.items() if value is not None}
    high = max(*values, *lines.values(), 1e-12)
    room = WIDTH / len(values)
    return Profile(
        title=f"{figure.factor or figure.name}, {figure.name.rpartition('/')[2]}: {len(values)} numbers",
        bars=tuple(
            (
                round(room * (i + (1 - FILLED) / 2), 1),
                round(HEIGHT * (1 - value / high), 1),
                round(room * FILLED, 1),
                round(HEIGHT * value / high, 1),
            )
            for i, value in enumerate(values)
        ),
        lines={name: round(HEIGHT * (1 - value / high), 1) for name, value in lines.items()},
        high=format_value(high, figure.unit),
    )
