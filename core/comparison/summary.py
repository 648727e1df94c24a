"""Figures of several runs side by side: means over seeds, and differences paired by seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from unbraid.core.evaluation import Evaluation, Figure, Interval
from unbraid.core.evaluation.figure import Unit
from unbraid.core.evaluation.intervals import normal_interval
from unbraid.core.evaluation.trials import compare_trials

#: label -> seed -> evaluation.
Evaluations = Mapping[str, Mapping[int, Evaluation]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One figure of one method over its seeds.

    Args:
        figure: name, with the role in place of the factor, so that methods stand in one row.
        label: of the method.
        factor: the method's own name of the factor, if the figure is about one.
        mean: over seeds.
        interval: 95 %, Student's t over seeds; None of one seed.
        values: value of each seed.
        chance: what no knowledge at all gives.
        baselines: mean over seeds of raw latents, random head and whatever else the metric compares with.
        protocol: of the first seed.
    """

    figure: str
    label: str
    summary: str
    unit: Unit
    higher_is_better: bool
    headline: bool
    mean: float
    interval: Interval | None
    values: Mapping[int, float]
    chance: float | None = None
    baselines: Mapping[str, float | None] = field(default_factory=dict)
    factor: str | None = None
    protocol: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`first - second` in one figure, seed by seed on the same episodes.

    Args:
        figure: as in `Summary`.
        first, second: labels.
        mean: of the differences.
        interval: 95 %, Student's t over seeds; None of one seed.
        values: difference of each seed both were fitted with.
        episodes: 95 % of the same heads on other episodes of these classes; the mean over seeds, episode by episode.
        classes: 95 % of the same heads on new classes, by bootstrap over classes. Both None of what has no episodes.
        better: the label whose interval says so; None where zero lies within it.
    """

    figure: str
    first: str
    second: str
    unit: Unit
    mean: float
    interval: Interval | None
    values: Mapping[int, float]
    better: str | None
    episodes: Interval | None = None
    classes: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something that could not be measured: a run that ended with an error, or a metric that broke in it."""

    label: str
    seed: int
    error: str
    metric: str | None = None


def shared_names(evaluation: Evaluation) -> dict[str, Figure]:
    """Name figures by the role of their factor: `few_shot/identity/...` is `few_shot/content/...`.

    Where a head has several factors of a role, they are told apart: `few_shot/style:class_dependent/...`.
    """
    roles = {factor["name"]: factor["role"] for factor in evaluation.protocol["factors"]}
    counts = {role: list(roles.values()).count(role) for role in roles.values()}
    named: dict[str, Figure] = {}
    for figure in evaluation.figures:
        parts = figure.name.split("/")
        if figure.factor in roles and figure.factor in parts[1:]:
            role = roles[figure.factor]
            parts[parts.index(figure.factor, 1)] = role if counts[role] == 1 else f"{role}:{figure.factor}"
        named["/".join(parts)] = figure
    return named


def summarise(evaluations: Evaluations) -> list[Summary]:
    """Give mean and interval over seeds of every figure that has a value, figure by figure, then method by method."""
    named = _by_name(evaluations)
    return [_summary(name, label, seeds) for name, labels in named.items() for label, seeds in labels.items()]


def compare_pairs(evaluations: Evaluations) -> list[Difference]:
    """Give the difference of every two methods in every figure both have, paired by seed.

    Figures whose episodes differ are not paired: their difference would hold the luck of the draw.
    """
    named = _by_name(evaluations)
    found = []
    for name, labels in named.items():
        for first, second in combinations(labels, 2):
            pairs = {s: (f, labels[second][s]) for s, f in labels[first].items() if s in labels[second]}
            if pairs and all(_same_episodes(a, b) for a, b in pairs.values()):
                found.append(_difference(name, first, second, pairs))
    return found


def absences(evaluations: Evaluations) -> dict[str, dict[str, str]]:
    """Give label -> figure -> why the first seed has no value of it."""
    found: dict[str, dict[str, str]] = {}
    for label, seeds in evaluations.items():
        figures = shared_names(next(iter(seeds.values()))) if seeds else {}
        missing = {name: f.not_applicable for name, f in figures.items() if f.not_applicable}
        if missing:
            found[label] = missing
    return found


def _by_name(evaluations: Evaluations) -> dict[str, dict[str, dict[int, Figure]]]:
    """Give name -> label -> seed -> figure, of figures that have a value."""
    named: dict[str, dict[str, dict[int, Figure]]] = {}
    for label, seeds in evaluations.items():
        for seed, evaluation in seeds.items():
            for name, figure in shared_names(evaluation).items():
                if figure.value is not None:
                    named.setdefault(name, {}).setdefault(label, {})[seed] = figure
    return named


def _summary(name: str, label: str, seeds: Mapping[int, Figure]) -> Summary:
    first = next(iter(seeds.values()))
    values = _values(seeds)
    return Summary(
        figure=name,
        label=label,
        summary=first.summary,
        unit=first.unit,
        higher_is_better=first.higher_is_better,
        headline=bool(first.headline),
        mean=_mean(list(values.values())),
        interval=normal_interval(np.array(list(values.values()))),
        values=values,
        chance=_mean_known([figure.chance for figure in seeds.values()]),
        baselines={
            key: _mean_known([figure.baselines.get(key) for figure in seeds.values()]) for key in first.baselines
        },
        factor=first.factor,
        protocol=first.protocol,
    )


def _difference(name: str, first: str, second: str, pairs: Mapping[int, tuple[Figure, Figure]]) -> Difference:
    figure = next(iter(pairs.values()))[0]
    values = {seed: _value(a) - _value(b) for seed, (a, b) in pairs.items()}
    interval = normal_interval(np.array(list(values.values())))
    trials = compare_trials(pairs.values())
    return Difference(
        figure=name,
        first=first,
        second=second,
        unit=figure.unit,
        mean=_mean(list(values.values())),
        interval=interval,
        values=values,
        better=_better(first, second, interval, figure.higher_is_better),
        episodes=trials.episodes,
        classes=trials.classes,
    )


def _better(first: str, second: str, interval: Interval | None, higher: bool) -> str | None:
    if interval is None or interval[0] <= 0 <= interval[1]:
        return None
    return first if (interval[0] > 0) == higher else second


def _same_episodes(first: Figure, second: Figure) -> bool:
    return bool(first.protocol.get("episode_hash") == second.protocol.get("episode_hash"))


def _values(seeds: Mapping[int, Figure]) -> dict[int, float]:
    return {seed: _value(figure) for seed, figure in seeds.items()}


def _value(figure: Figure) -> float:
    assert figure.value is not None
    return figure.value


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _mean_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _mean(known) if known else None
