"""A comparison as text for a terminal."""

from collections.abc import Sequence

from unbraid.core.cli.table import format_table
from unbraid.core.comparison.summary import Difference, Failure, Summary
from unbraid.core.evaluation.figure import RANDOM, RAW, Interval, Unit
from unbraid.core.evaluation.formatting import format_interval, format_value

LEGEND = """\
mean         over seeds; 95 %: Student's t over seeds, so it speaks of training, not of other classes
difference   first - second, seed by seed on the same episodes; "better" where zero lies outside the interval of seeds
             (one pair in twenty does so by chance: look at the seeds before you believe one)
episodes     the same heads on other episodes of these classes, episode by episode; new classes: bootstrap over classes.
             Believe a difference beyond these classes and these seeds where zero lies outside both
raw latents  the frozen latent without a head; random head: the method's own head, untrained
figures are named by the role of a factor; comparison.json and report.html have all of them"""


def format_comparison(
    summaries: Sequence[Summary], differences: Sequence[Difference], failures: Sequence[Failure], seeds: int
) -> str:
    """Print the headline figures, then what failed.

    Args:
        summaries: of all methods.
        differences: of all pairs.
        failures: runs and metrics.
        seeds: number of seeds asked for; methods with fewer say so.
    """
    names = list(dict.fromkeys(summary.figure for summary in summaries if summary.headline))
    parts = [
        _figure(name, [s for s in summaries if s.figure == name], [d for d in differences if d.figure == name], seeds)
        for name in names
    ]
    if failures:
        lines = [
            f"  {f.label}, seed {f.seed}{f', {f.metric}' if f.metric else ''}: {_first(f.error)}" for f in failures
        ]
        parts.append("\n".join(["FAILED", *lines]))
    return "\n\n".join([*parts, LEGEND]) + "\n"


def summary_row(summary: Summary, seeds: int) -> dict[str, str]:
    """Give the printed columns of a figure of one method."""
    unit = summary.unit
    return {
        "method": summary.label,
        "mean": format_value(summary.mean, unit),
        "95 %": format_interval(summary.interval, unit),
        "seeds": "" if len(summary.values) == seeds else f"{len(summary.values)} of {seeds}",
        "chance": format_value(summary.chance, unit),
        RAW: format_value(summary.baselines.get(RAW), unit),
        RANDOM: format_value(summary.baselines.get(RANDOM), unit),
    }


def difference_row(difference: Difference) -> dict[str, str]:
    """Give the printed columns of a difference; shares in percentage points."""
    return {
        "difference": f"{difference.first} - {difference.second}",
        "mean": signed(difference.mean, difference.unit),
        "95 %, seeds": signed_interval(difference.interval, difference.unit),
        "episodes": signed_interval(difference.episodes, difference.unit),
        "new classes": signed_interval(difference.classes, difference.unit),
        "better": difference.better or "-",
    }


def signed(value: float, unit: Unit) -> str:
    """Print a difference with its sign.

    >>> signed(0.0312, "share"), signed(-0.2, "ratio")
    ('+3.1 points', '-0.200')
    """
    text = format_value(abs(value), unit).removesuffix(" %")
    return f"{'-' if value < 0 else '+'}{text}{' points' if unit == 'share' else ''}"


def signed_interval(interval: Interval | None, unit: Unit) -> str:
    """Print the interval of a difference.

    >>> signed_interval((-0.01, 0.02), "share"), signed_interval(None, "share")
    ('-1.0 .. +2.0', '-')
    """
    return "-" if interval is None else " .. ".join(signed(end, unit).removesuffix(" points") for end in interval)


def _figure(name: str, summaries: Sequence[Summary], differences: Sequence[Difference], seeds: int) -> str:
    best = "high" if summaries[0].higher_is_better else "low"
    lines = [f"{name} (best: {best})", format_table([summary_row(s, seeds) for s in summaries], indent="  ")]
    if differences:
        lines.append(format_table([difference_row(d) for d in differences], indent="  "))
    return "\n".join(lines)


def _first(text: str) -> str:
    return text.partition("\n")[0]
