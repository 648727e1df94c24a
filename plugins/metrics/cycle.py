"""Cycle error: the factors of a swap, taken apart again, beside those it was made of."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import CapabilityError, ProtocolError
from unbraid.core.evaluation.checks import check_finite
from unbraid.core.evaluation.evidence import HEAD, POPULATIONS, Evidence, Factors, Population
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure
from unbraid.core.evaluation.intervals import ratio_interval
from unbraid.plugins.metrics.pairs import Pairs, Through

Array = npt.NDArray[np.floating]


def cycle_figures(
    evidence: Evidence, population: Population, pairs: Pairs, swapped: Mapping[str, Array], through: Through
) -> list[Figure]:
    """Distance of each factor of a swap from its donor's, relative to that of a random sample from the donor.

    Args:
        evidence: the arrays.
        population: where the donors are from.
        pairs: the donors; all factors but content come from those of style.
        swapped: whose head -> `(n, D)` swaps, as they are taken apart again.
        through: what the swaps went through before.

    Returns:
        One figure a factor; 0 is perfect, 1 is no nearer than a random sample.
    """
    again = {HEAD: (evidence.disentangle, population.factors)}
    if RANDOM in swapped and population.random_factors:
        again[RANDOM] = (evidence.random_disentangle, population.random_factors)
    parts = {whose: (split(swapped[whose]), own) for whose, (split, own) in again.items() if split is not None}
    if HEAD not in parts:
        summary = "Factors of a swap beside its donors'."
        missing = CapabilityError(
            "the head is not at hand", expected="a head to take swaps apart", found="arrays", hint="model.evaluate"
        )
        return [Figure.absent(through.name("swap_cycle", population), str(missing), summary=summary)]
    return [_figure(evidence, population, name, pairs, parts, through) for name in evidence.roles]


def _figure(
    evidence: Evidence,
    population: Population,
    name: str,
    pairs: Pairs,
    parts: Mapping[str, tuple[Factors, Factors]],
    through: Through,
) -> Figure:
    donors = pairs.content if evidence.roles[name] == "content" else pairs.style
    others = evidence.rng(f"swap_cycle/{population.name}").permutation(len(population))
    figure, groups = through.name(f"swap_cycle/{name}", population), population.groups()[donors]
    summary = (
        f"Distance of factor {name} of a swap{through.words} from its donor's, 1 is a random sample's, "
        f"{POPULATIONS[population.name]}."
    )
    values, intervals = {}, {}
    for whose, (found, own) in parts.items():
        error = _distance(check_finite(f"factor {name} of swaps", found[name]), own[name][donors])
        random = _distance(own[name][others[donors]], own[name][donors])
        if random.sum() <= 1e-6 * np.abs(own[name]).sum():
            if whose == HEAD:
                return Figure.absent(figure, _constant(name, len(population)), summary=summary, factor=name)
            continue
        values[whose] = float(error.sum() / random.sum())
        intervals[whose] = ratio_interval(error, random, groups)
    return Figure(
        name=figure,
        value=values[HEAD],
        summary=summary,
        interval=intervals[HEAD],
        chance=1.0,
        baselines={RAW: None, RANDOM: values.get(RANDOM)},
        baseline_intervals={whose: pair for whose, pair in intervals.items() if pair and whose == RANDOM},
        higher_is_better=False,
        unit="ratio",
        factor=name,
        protocol={
            "population": population.name,
            "swaps": len(donors),
            "cycle": through.cycle,
            "chance": "a random sample of the population",
            "factor_mode": evidence.factor_mode,
            "random_head": evidence.no_random_head or "untrained",
            "raw latents": "no factors",
            "interval": "95 %, delta method over contents of the donors",
        },
    )


def _constant(name: str, samples: int) -> str:
    error = ProtocolError(
        f"factor {name} does not vary: no distance has a meaning",
        expected="two different values or more",
        found=f"one in {samples} samples",
        hint="look at what the factor was trained for",
    )
    return str(error)


def _distance(first: Array, second: Array) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = np.linalg.norm(first - second, axis=1).astype(np.float64)
    return found
