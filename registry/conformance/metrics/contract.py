"""What a metric gives."""

import json
from collections.abc import Sequence

from unbraid.core.evaluation import Figure
from unbraid.registry.conformance.check import check, require
from unbraid.registry.conformance.metric_case import MetricCase

NEEDS = ("entangle", "sample", "classify", "score", "decode", "gradient")


@check("contract", "metric")
def measures(case: MetricCase) -> None:
    """The metric gives figures where everything is there that it can ask for.

    Breaks: its line in every report says that it broke.

    Mend: see the error; `(evidence) -> Sequence[Figure]`, or `(evidence, config)`.
    """
    found = case.figures
    right = isinstance(found, Sequence) and found and all(isinstance(figure, Figure) for figure in found)
    require(right, "no figures", expected="one Figure or more", found=found)


@check("contract", "metric")
def needs(case: MetricCase) -> None:
    """`needs` names capabilities there are.

    Breaks: a misspelt need is never met, and the metric never runs.

    Mend: names of capabilities of heads and backbones.
    """
    unknown = sorted(case.spec.needs - set(NEEDS))
    require(not unknown, "unknown needs", expected=", ".join(NEEDS), found=", ".join(unknown))


@check("contract", "metric")
def names(case: MetricCase) -> None:
    """Figures have different names, and each has a summary.

    Breaks: one overwrites the other in tables, and nobody knows what a number is.

    Mend: `metric/what/where`.
    """
    found = [figure.name for figure in case.figures]
    require(len(set(found)) == len(found), "figures share a name", expected="different ones", found=sorted(found))
    bare = [figure.name for figure in case.figures if not figure.summary.strip()]
    require(not bare, "figures have no summary", expected="one sentence each", found=", ".join(bare))


@check("contract", "metric")
def files(case: MetricCase) -> None:
    """Figures written as JSON and read again are equal figures.

    Breaks: `metrics.json` cannot be written, or comparisons read something else.

    Mend: JSON values in `protocol`: no arrays, no numpy numbers.
    """
    for figure in case.figures:
        again = Figure.from_dict(json.loads(json.dumps(figure.to_dict())))
        require(again == figure, f"{figure.name} is another figure after JSON", expected=figure, found=again)
