"""An evaluation as text for a terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from unbraid.core.cli.table import format_table
from unbraid.core.evaluation.evidence import POPULATIONS
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure
from unbraid.core.evaluation.formatting import format_figure, format_interval, format_value, further_baselines

_COUNTS = ("samples", "contents", "styles")

LEGEND = """\
95 %         interval over episodes, samples or contents at hand; "new classes" is the wider one, for other classes
chance       what no knowledge at all gives
raw latents  the frozen latent without the head; random head: the same head, untrained
best         which direction is good"""


def format_evaluation(figures: Iterable[Figure], failures: Mapping[str, str], protocol: Mapping[str, Any]) -> str:
    """Print figures beside chance, baselines and intervals, then what does not apply and what failed.

    Args:
        figures: grouped by the first part of their names.
        failures: metric -> error.
        protocol: of the evaluation.
    """
    figures = list(figures)
    parts = [_heading(protocol)]
    parts += [f"{kind}\n" + "\n".join(_lines(group)) for kind, group in by_kind(figures).items()]
    absent = [f"  {figure.name}: {_first_line(figure.not_applicable)}" for figure in figures if figure.value is None]
    if absent:
        parts.append("\n".join(["not applicable", *absent]))
    if failures:
        parts.append("\n".join(["FAILED", *(f"  {metric}: {error}" for metric, error in failures.items())]))
    return "\n\n".join([*parts, LEGEND]) + "\n"


def by_kind(figures: Iterable[Figure]) -> dict[str, list[Figure]]:
    """Group the measured figures by the first part of their names: those with headlines first, as they first appear.

    >>> plain = Figure(name="blocks/a", value=1.0, summary="")
    >>> by_kind([plain, Figure(name="few_shot/b", value=1.0, summary="", headline="All are right.")]).keys()
    dict_keys(['few_shot', 'blocks'])
    """
    groups: dict[str, list[Figure]] = {}
    for figure in figures:
        if figure.value is not None:
            groups.setdefault(figure.name.partition("/")[0], []).append(figure)
    return dict(sorted(groups.items(), key=lambda kind: not any(figure.headline for figure in kind[1])))


def _heading(protocol: Mapping[str, Any]) -> str:
    method, backbone = protocol["method"]["name"], protocol["backbone"]["adapter"]
    lines = [f"{method} on {backbone}, data set {protocol['dataset']['name']}, seed {protocol['seed']}"]
    for name, population in sorted(protocol["populations"].items(), key=_place):
        counts = ", ".join(f"{population[what]} {what}" for what in _COUNTS if what in population)
        lines.append(f"  {name}: {population['is']} ({counts})")
    lines.append(f"  did the backbone see the test classes? {protocol['backbone_saw_test_classes']}")
    return "\n".join(lines)


def _place(item: tuple[str, Any]) -> int:
    """Order populations as they are declared: a saved evaluation has lost the order of its keys."""
    names = list(POPULATIONS)
    return names.index(item[0]) if item[0] in names else len(names)


def _lines(figures: list[Figure]) -> list[str]:
    table = format_table([_row(figure) for figure in figures], indent="  ").splitlines()
    lines = [table[0]]
    for figure, line in zip(figures, table[1:], strict=True):
        others = further_baselines(figure, (RAW, RANDOM))
        lines.append(line)
        if others:
            lines.append("      beside it: " + ", ".join(f"{name} {value}" for name, value in others.items()))
    return lines


def _row(figure: Figure) -> dict[str, str]:
    unit = figure.unit
    return {
        "figure": figure.name.partition("/")[2] or figure.name,
        "value": format_figure(figure),
        "95 %": format_interval(figure.interval, unit),
        "new classes": format_interval(figure.intervals.get("classes"), unit) if figure.intervals else "",
        "chance": format_value(figure.chance, unit),
        RAW: format_value(figure.baselines.get(RAW), unit),
        RANDOM: format_value(figure.baselines.get(RANDOM), unit),
        "best": "high" if figure.higher_is_better else "low",
    }


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0]
