"""What a metric does with what it is given."""

import hashlib
from collections.abc import Callable

import numpy as np

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
    again = case.measure(toy_evidence())
    require(
        [f.to_dict() for f in again] == [f.to_dict() for f in case.figures],
        "measured twice",
        expected="equal figures",
        found="others",
    )


@check("evidence", "metric")
def untouched(case: MetricCase) -> None:
    """The arrays are what they were.

    Breaks: metrics share them: the next one measures something else.

    Mend: copy before sorting, centring or scaling in place.
    """
    evidence = toy_evidence()
    before = _digest(evidence)
    case.measure(evidence)
    require(_digest(evidence) == before, "the evidence was changed", expected="the same arrays", found="others")


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
    try:
        case.measure(change(toy_evidence()))
    except (ProtocolError, CapabilityError):
        return
    except UnbraidError as error:
        raise Failure(f"{what}: the wrong error", expected="ProtocolError or CapabilityError", found=error) from error


def _digest(evidence: Evidence) -> str:
    digest = hashlib.sha256()
    for population in evidence.populations.values():
        arrays = {"z": population.z, **population.factors, **population.random_factors, **population.labels}
        for array in (*arrays.values(), *population.known.values()):
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
