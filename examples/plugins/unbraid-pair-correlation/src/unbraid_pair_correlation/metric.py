"""The metric: figures with chance, baselines and intervals."""

from collections.abc import Sequence

from unbraid import Evidence, Figure, Population, ProtocolError
from unbraid.core.evaluation import POPULATIONS, RANDOM, RAW, normal_interval

from unbraid_pair_correlation.correlation import Floats, class_correlations

LABELS = ("content", "style")


def pair_correlation(evidence: Evidence) -> Sequence[Figure]:
    """Measure how much two samples that share a label agree in each factor, on the least seen samples.

    Args:
        evidence: the arrays.

    Returns:
        One figure for each factor, label and population: 1 is the same for all samples that share the label, 0 chance.
    """
    return [
        _figure(evidence, factor, label, population)
        for population in evidence.unseen()
        for label in LABELS
        for factor in evidence.roles
    ]


def _figure(evidence: Evidence, factor: str, label: str, population: Population) -> Figure:
    name, wanted = f"pair_correlation/{factor}/{label}/{population.name}", evidence.belongs(factor, label)
    summary = (
        f"Correlation of {factor} between two samples of one {label}, {POPULATIONS[population.name]}: "
        f"{'high' if wanted else 'low'} is good."
    )
    try:
        labels = population.label(label)
        found = class_correlations(population.factors[factor], labels)
        raw = class_correlations(population.z, labels)
    except ProtocolError as error:
        return Figure.absent(name, str(error), summary=summary, factor=factor)
    untrained = _untrained(population, factor, label)
    intervals = {whose: normal_interval(each) for whose, each in ((RAW, raw), (RANDOM, untrained)) if each is not None}
    return Figure(
        name=name,
        value=float(found.mean()),
        summary=summary,
        interval=normal_interval(found),
        chance=0.0,
        baselines={RAW: float(raw.mean()), RANDOM: None if untrained is None else float(untrained.mean())},
        baseline_intervals={whose: pair for whose, pair in intervals.items() if pair},
        higher_is_better=wanted,
        unit="ratio",
        factor=factor,
        protocol={
            "population": population.name,
            "samples": len(population),
            "classes": len(found),
            "label": label,
            "chance": "two samples that have nothing in common",
            "factor_mode": evidence.factor_mode,
            "random_head": evidence.no_random_head or "untrained",
            "interval": "95 %, Student's t over classes",
        },
    )


def _untrained(population: Population, factor: str, label: str) -> Floats | None:
    """Measure the untrained head; None where there is none, or it never changes."""
    try:
        return class_correlations(population.random_factors[factor], population.label(label))
    except (KeyError, ProtocolError):
        return None
