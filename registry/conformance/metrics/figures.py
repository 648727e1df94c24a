"""What makes a figure honest."""

from unbraid.registry.conformance.check import check, require
from unbraid.registry.conformance.metric_case import MetricCase

#: A value may lie this far outside of its interval: methods of intervals round differently.
SLACK = 1e-6


@check("figures", "metric")
def in_company(case: MetricCase) -> None:
    """Every value has a chance level or a baseline, and a protocol.

    Breaks: 60 % is good or bad depending on what no knowledge at all would give.

    Mend: `chance=` or `baselines=`, and `protocol=` with what it takes to measure it again.
    """
    alone = [f.name for f in case.figures if f.value is not None and f.chance is None and not f.baselines]
    require(not alone, "figures stand alone", expected="chance or a baseline", found=", ".join(alone[:5]))
    bare = [figure.name for figure in case.figures if figure.value is not None and not figure.protocol]
    require(not bare, "figures have no protocol", expected="how it was measured", found=", ".join(bare[:5]))


@check("figures", "metric")
def intervals(case: MetricCase) -> None:
    """An interval goes from low to high, and holds its value.

    Breaks: a swapped interval makes every difference significant.

    Mend: `(low, high)` of the value itself, not of a difference or of another unit.
    """
    for figure in case.figures:
        if figure.value is not None and figure.interval is not None:
            low, high = figure.interval
            slack = SLACK * max(1.0, abs(figure.value))
            holds = low - slack <= figure.value <= high + slack
            require(holds, f"{figure.name} lies outside of its interval", expected=figure.interval, found=figure.value)


@check("figures", "metric")
def shares(case: MetricCase) -> None:
    """A share lies between 0 and 1.

    Breaks: percentages above 100 in reports; chance and value on two scales.

    Mend: `unit="share"` for fractions, not percent; another unit for what is no share.
    """
    for figure in case.figures:
        if figure.value is not None and figure.unit == "share":
            inside = 0 <= figure.value <= 1
            require(inside, f"{figure.name} is no share", expected="0 .. 1", found=figure.value)
