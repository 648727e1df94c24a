"""Numbers as people read them."""

from unbraid.core.evaluation.figure import Figure, Interval, Unit


def format_value(value: float | None, unit: Unit) -> str:
    """Print a value in its unit.

    >>> format_value(0.8314, "share"), format_value(0.7412, "ratio"), format_value(None, "share")
    ('83.1 %', '0.741', '-')
    """
    if value is None:
        return "-"
    if unit == "share":
        return f"{100 * value:.1f} %"
    return f"{value:.5f}" if unit == "mse" else f"{value:.3f}"


def format_figure(figure: Figure) -> str:
    """Print the value of a figure, and `>=` before one that is only the most that could be told.

    >>> format_figure(Figure(name="a", value=7.6, summary="", unit="nats", at_least=True))
    '>= 7.600'
    """
    return f"{'>= ' if figure.at_least else ''}{format_value(figure.value, figure.unit)}"


def format_interval(interval: Interval | None, unit: Unit) -> str:
    """Print an interval, the unit once.

    >>> format_interval((0.81, 0.852), "share")
    '81.0 .. 85.2'
    """
    if interval is None:
        return "-"
    low, high = (format_value(end, unit).removesuffix(" %") for end in interval)
    return f"{low} .. {high}"


def further_baselines(figure: Figure, shown: tuple[str, ...]) -> dict[str, str]:
    """Give the baselines a table has no column for, printed, by name."""
    return {
        name: format_value(value, figure.unit)
        for name, value in sorted(figure.baselines.items())
        if name not in shown and value is not None
    }
