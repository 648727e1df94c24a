"""What a metric does with what it is given."""

from collections.abc import Callable

from unbraid.core.errors import CapabilityError, ProtocolError, UnbraidError
from unbraid.core.evaluation import Evidence
from unbraid.registry.conformance.check import Failure, check, require
from unbraid.registry.conformance.metric_case import MetricCase
from unbraid.registry.conformance.toys.evidence import one_row, toy_evidence, without_functions, without_labels


@check("evidence", "metric")
def repeats(case: MetricCase) -> None:
    """The same evidence and seed give the same figures.

    Breaks: comparisons between heads measure the metric's dice.

    Mend: draw from `evidence.rng("name of the purpose")`, and seed torch by `evidence.seed`.
    """
    first, (again, _) = case.figures, case.measured_again
    same = [figure.to_dict() for figure in again] == [figure.to_dict() for figure in first]
    require(same, "measured twice", expected="equal figures", found="others")


@check("evidence", "metric")
def untouched(case: MetricCase) -> None:
    """The arrays are what they were.

    Breaks: metrics share them: the next one measures something else.

    Mend: copy before sorting, centring or scaling in place.
    """
    _, changed = case.measured_again
    require(not changed, "the evidence was changed", expected="the same arrays", found=", ".join(changed))


@check("evidence", "metric")
def unlabelled(case: MetricCase) -> None:
    """Without labels it measures what needs none, and says why there is nothing else.

    Breaks: one metric of many ends the evaluation of unlabelled data, or invents a figure.

    Mend: `population.label(role)` raises the right error; `Figure.absent(name, reason)` for single figures.
    """
    _answers(case, "data without labels", without_labels)


@check("evidence", "metric")
def bare(case: MetricCase) -> None:
    """Without head, backbone and pictures it measures what needs none, and says why there is nothing else.

    Breaks: methods that cannot entangle and backbones that cannot decode cannot be evaluated.

    Mend: `evidence.need_entangle()` and its siblings raise the right error.
    """
    _answers(case, "arrays alone", without_functions)


@check("evidence", "metric")
def one_sample(case: MetricCase) -> None:
    """On a single sample it measures, or says why it cannot.

    Breaks: small data end in NaN, a division by zero or an index error.

    Mend: raise `ProtocolError` with what it takes.
    """
    _answers(case, "a single sample", one_row)


def _answers(case: MetricCase, what: str, change: Callable[[Evidence], Evidence]) -> None:
    _ = case.figures
    try:
        case.measure(change(toy_evidence()))
    except (ProtocolError, CapabilityError):
        return
    except UnbraidError as error:
        raise Failure(f"{what}: the wrong error", expected="ProtocolError or CapabilityError", found=error) from error
