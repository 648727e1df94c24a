"""Curves and point clouds as numbers a template draws as SVG: small, sharp at every width, readable in the dark."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unbraid.core.artefacts import storage_errors

#: Drawing area of a curve and of a map, in user units.
WIDTH, HEIGHT, SIDE = 300.0, 120.0, 300.0
#: Points drawn of a curve at most.
MOST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One quantity over training steps.

    Args:
        name: of the quantity, `objective.loss` or `validation.monitor`.
        points: `x,y` pairs in `WIDTH` x `HEIGHT`, as SVG's polyline takes them.
        low, high: ends of the vertical axis, printed.
        first, last: steps at the ends of the horizontal axis.
        final: last value, printed.
    """

    name: str
    points: str
    low: str
    high: str
    first: int
    last: int
    final: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """Points in a square of `SIDE`, a colour for each class.

    Args:
        title: what it shows.
        groups: `(colour, [(x, y), ...])`; grey classes come first, so that they lie below.
    """

    title: str
    groups: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]


#: Ten colours that can be told apart on white and on black (Tableau 10); what has none is grey.
COLOURS = (
    "#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#17becf",
)  # fmt: skip
GREY = "#8888"


def read_curves(path: Path | str) -> list[Curve]:
    """Read the curves of a run from its `metrics.jsonl`; none where there is no such file.

    Lines that a kill cut off are left out, and so are values that were not finite.
    """
    path = Path(path)
    if not path.is_file():
        return []
    with storage_errors(path, "read"):
        lines = path.read_text(encoding="utf-8").splitlines()
    series: dict[str, list[tuple[int, float]]] = {}
    for line in lines:
        for name, step, value in _values(line):
            series.setdefault(name, []).append((step, value))
    return [curve(name, points) for name, points in sorted(series.items(), key=lambda item: _place(item[0]))]


def curve(name: str, points: Sequence[tuple[int, float]]) -> Curve:
    """Lay out one curve: `(step, value)` pairs in the order of the steps, at least one.

    >>> curve("loss", [(0, 2.0), (10, 1.0)]).points
    '0.0,0.0 300.0,120.0'
    """
    points = points if len(points) <= MOST else _thinned(points)
    steps, values = [step for step, _ in points], [value for _, value in points]
    low, high = min(values), max(values)
    across, up = (steps[-1] - steps[0]) or 1, (high - low) or 1.0
    placed = [(WIDTH * (s - steps[0]) / across, HEIGHT * (1 - (v - low) / up)) for s, v in points]
    return Curve(
        name=name,
        points=" ".join(f"{x:.1f},{y:.1f}" for x, y in placed),
        low=f"{low:.4g}",
        high=f"{high:.4g}",
        first=steps[0],
        last=steps[-1],
        final=f"{values[-1]:.4g}",
    )


def cloud(
    title: str, points: npt.NDArray[np.floating], classes: npt.NDArray[np.int64], coloured: Sequence[int]
) -> Cloud:
    """Lay out points `(n, 2)` with their classes `(n,)`; the first ten of `coloured` get a colour each."""
    low, high = points.min(0), points.max(0)
    placed = (points - low) / np.where(high > low, high - low, 1.0) * (SIDE - 10) + 5
    colours = dict(zip(coloured, COLOURS, strict=False))
    drawn = [(GREY, ~np.isin(classes, list(colours)))] + [(c, classes == k) for k, c in colours.items()]
    groups = [(c, tuple((round(float(x), 1), round(float(y), 1)) for x, y in placed[kept])) for c, kept in drawn]
    return Cloud(title=title, groups=tuple(group for group in groups if group[1]))


def _values(line: str) -> list[tuple[str, int, float]]:
    try:
        record = json.loads(line)
    except ValueError:
        return []
    if not isinstance(record, Mapping) or not isinstance(record.get("step"), int):
        return []
    numbers = [(n, v) for n, v in record.items() if n != "step" and isinstance(v, int | float) and math.isfinite(v)]
    return [(name, record["step"], float(value)) for name, value in numbers]


def _thinned(points: Sequence[tuple[int, float]]) -> Sequence[tuple[int, float]]:
    """Keep `MOST` points at even places, both ends among them."""
    places = np.linspace(0, len(points) - 1, MOST).round().astype(int)
    return [points[place] for place in places]


def _place(name: str) -> tuple[bool, str]:
    return not name.startswith("validation."), name
