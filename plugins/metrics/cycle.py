"""Cycle error: the factors of a swap, taken apart again, beside those it was made of."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from unbraid.core.evaluation.evidence import POPULATIONS, Evidence, Factors, Population
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure
from unbraid.core.evaluation.intervals import ratio_interval

Array = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
HEAD = "head"


def cycle_figures(
    evidence: Evidence, population: Population, content: Ints, style: Ints, swapped: Mapping[str, Array]
) -> list[Figure]:
    """Distance of each factor of a swap from its donor's, relative to that of a random sample from the donor.

    Args:
        evidence: the arrays.
        population: where the donors are from.
        content: `(n,)` positions of the content donors.
        style: `(n,)` positions of the style donors; all factors but content come from them.
        swapped: whose head -> `(n, D)` swaps.

    Returns:
        One figure a factor; 0 is perfect, 1 is no nearer than a random sample.
    """
    again = {HEAD: (evidence.disentangle, population.factors)}
    if RANDOM in swapped and population.random_factors:
        again[RANDOM] = (evidence.random_disentangle, population.random_factors)
    parts = {whose: (split(swapped[whose]), own) for whose, (split, own) in again.items() if split is not None}
    if HEAD not in parts:
        summary = "Factors of a swap beside its donors'."
        return [Figure.absent(f"swap_cycle/{population.name}", "the head is not at hand", summary=summary)]
    others = evidence.rng(f"swap_cycle/{population.name}").permutation(len(population))
    return [
        _figure(evidence, population, name, content if role == "content" else style, others, parts)
        for name, role in evidence.roles.items()
    ]


def _figure(
    evidence: Evidence,
    population: Population,
    name: str,
    donors: Ints,
    others: Ints,
    parts: Mapping[str, tuple[Factors, Factors]],
) -> Figure:
    groups = population.label("content")[donors]
    values, intervals = {}, {}
    for whose, (found, own) in parts.items():
        error = np.linalg.norm(found[name] - own[name][donors], axis=1).astype(np.float64)
        random = np.linalg.norm(own[name][others[donors]] - own[name][donors], axis=1).astype(np.float64)
        values[whose] = float(error.sum() / max(random.sum(), 1e-30))
        intervals[whose] = ratio_interval(error, random + 1e-30, groups)
    return Figure(
        name=f"swap_cycle/{name}/{population.name}",
        value=values[HEAD],
        summary=f"Distance of factor {name} of a swap from its donor's, 1 is a random sample's, "
        f"{POPULATIONS[population.name]}.",
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
            "cycle": "in latents: entangle, then disentangle again",
            "chance": "a random sample of the population",
            "factor_mode": evidence.factor_mode,
            "random_head": evidence.no_random_head or "untrained",
            "raw latents": "no factors",
            "interval": "95 %, delta method over contents of the donors",
        },
    )
