"""How much of each number's variance is left within one class: little in content, nearly all of it in style."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.evidence import POPULATIONS, Array, Evidence, Ints, Population
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure, Interval
from unbraid.core.evaluation.intervals import normal_interval

Floats = npt.NDArray[np.float64]

#: Samples of a class that are enough for a variance, and the deviation below which a number is constant.
LEAST = 2
CONSTANT = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratios:
    """Variance within classes by overall variance; C classes of at least two samples, D numbers of a code.

    Args:
        each: `(C, D)`, NaN in numbers that never change.
        samples: rows of those classes.
        alone: classes left out because they have a single sample.
    """

    each: Floats
    samples: int
    alone: int

    @property
    def numbers(self) -> Floats:
        """Mean over classes of each number, `(D,)`; NaN of one that never changes."""
        found: Floats = self.each.mean(0)
        return found

    @property
    def value(self) -> float:
        """Mean over classes and the numbers that change."""
        return float(np.nanmean(self.numbers))

    @property
    def interval(self) -> Interval | None:
        """95 % interval of the value over classes; the overall variance is taken as it is."""
        return normal_interval(np.nanmean(self.each, axis=1))


def variance_ratios(codes: Array, labels: Ints) -> Ratios:
    """Divide the variance over the samples of each class by that over all samples, number by number.

    Rows without a label, and classes of a single row, are left out of both.

    Args:
        codes: `(n, D)`.
        labels: `(n,)` class of each row; -1 is missing.

    Raises:
        ProtocolError: fewer than two classes with two rows, or codes that never change.

    >>> codes = np.array([[0.0, 1.0], [0.0, -1.0], [2.0, 1.0], [2.0, -1.0]])
    >>> variance_ratios(codes, np.array([0, 0, 1, 1])).numbers.round(2).tolist()  # of n - 1 degrees of freedom
    [0.0, 1.5]
    """
    classes, counts = np.unique(labels[labels >= 0], return_counts=True)
    kept = classes[counts >= LEAST]
    if len(kept) < LEAST:
        raise ProtocolError(
            "a variance within classes needs classes",
            expected=f"{LEAST} classes of {LEAST} samples",
            found=f"{len(kept)} such classes",
            hint="evaluate on more samples of each class",
        )
    rows = np.isin(labels, kept)
    overall = codes[rows].var(0, dtype=np.float64, ddof=1)
    changes = overall > CONSTANT**2
    if not changes.any():
        raise ProtocolError(
            "the code never changes",
            expected="numbers that vary",
            found=f"{len(labels)} equal rows",
            hint="a factor without variance holds nothing: train longer, or weigh its divergence less",
        )
    within = np.stack([codes[labels == label].var(0, dtype=np.float64, ddof=1) for label in kept])
    each = np.where(changes, within / np.where(changes, overall, 1.0), np.nan)
    return Ratios(each=each, samples=int(rows.sum()), alone=int((counts < LEAST).sum()))


def variance_ratio(evidence: Evidence) -> Sequence[Figure]:
    """Measure what variance each factor keeps within one content, on the least seen samples.

    Args:
        evidence: the arrays.

    Returns:
        One figure a factor and population: 0 is the same for all samples of a content, 1 knows nothing of it.
    """
    return [_figure(evidence, name, population) for population in evidence.unseen() for name in evidence.roles]


def _figure(evidence: Evidence, factor: str, population: Population) -> Figure:
    name = f"variance_ratio/{factor}/{population.name}"
    role = evidence.roles[factor]
    wanted = "low is good" if role == "content" else "near 1 is good"
    summary = (
        f"Variance of {factor} within one content by its overall variance, {POPULATIONS[population.name]}: {wanted}."
    )
    try:
        labels = population.label("content")
        head = variance_ratios(population.factors[factor], labels)
    except ProtocolError as error:
        return Figure.absent(name, str(error), summary=summary, factor=factor)
    beside = {RAW: variance_ratios(population.z, labels), RANDOM: _untrained(population, factor, labels)}
    return Figure(
        name=name,
        value=head.value,
        summary=summary,
        interval=head.interval,
        chance=1.0,
        baselines={whose: found.value if found else None for whose, found in beside.items()},
        baseline_intervals={whose: found.interval for whose, found in beside.items() if found and found.interval},
        higher_is_better=role != "content",
        unit="ratio",
        factor=factor,
        protocol={
            "population": population.name,
            "samples": head.samples,
            "contents": len(head.each),
            "contents_of_one_sample_left_out": head.alone,
            "per_number": [None if np.isnan(number) else float(number) for number in head.numbers],
            "numbers_that_never_change": int(np.isnan(head.numbers).sum()),
            "chance": "a number that knows nothing of the content",
            "factor_mode": evidence.factor_mode,
            "random_head": evidence.no_random_head or "untrained",
            "interval": "95 %, Student's t over contents",
        },
    )


def _untrained(population: Population, factor: str, labels: Ints) -> Ratios | None:
    """Measure the factor of the untrained head; None where there is none, or it never changes."""
    try:
        return variance_ratios(population.random_factors[factor], labels) if population.random_factors else None
    except ProtocolError:
        return None
