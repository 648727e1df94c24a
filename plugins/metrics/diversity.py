"""Diversity: how far swaps of one content lie apart, so that a head that ignores style is seen."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.episodes import draw_episodes
from unbraid.core.evaluation.evidence import POPULATIONS, Evidence, Factors, Population, take
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure
from unbraid.core.evaluation.intervals import ratio_interval

Array = npt.NDArray[np.floating]
HEAD = "head"
#: Content donors.
CONTENTS = 100


def diversity_figure(
    evidence: Evidence,
    population: Population,
    donors: int,
    heads: Mapping[str, tuple[Callable[[Factors], Array], Factors]],
) -> Figure:
    """Mean pairwise distance of swaps of one content in several styles, beside that of real samples of a content.

    Args:
        evidence: the arrays.
        population: where donors are from.
        donors: style donors of each content donor, all of another content than it, and real samples compared.
        heads: whose -> entangle, and factors of the population.

    Returns:
        A ratio: 0 ignores style, 1 varies as real samples do.
    """
    name = f"swap_diversity/{population.name}"
    summary = (
        f"Distance between swaps of one content in other styles, by that of real samples, "
        f"{POPULATIONS[population.name]}: 0 ignores style, 1 is real."
    )
    labels = population.label("content")
    try:
        # two ways: real samples of one content, and style donors of another
        drawn = draw_episodes(
            labels, ways=2, shots=donors, queries=0, episodes=CONTENTS, seed=evidence.seed, stream=name
        )
    except ProtocolError as error:
        return Figure.absent(name, str(error), summary=summary)
    own, other = drawn.support[:, 0], drawn.support[:, 1]
    real = _spread(population.z[own])
    values, intervals = {}, {}
    for whose, (entangle, factors) in heads.items():
        content, style = take(factors, np.repeat(own[:, 0], donors)), take(factors, other.ravel())
        made = _spread(entangle(evidence.transfer(content, style)).reshape(len(own), donors, -1))
        values[whose] = float(made.sum() / max(real.sum(), 1e-30))
        intervals[whose] = ratio_interval(made, real + 1e-30, drawn.classes[:, 0])
    return Figure(
        name=name,
        value=values[HEAD],
        summary=summary,
        interval=intervals[HEAD],
        baselines={RAW: 0.0, RANDOM: values.get(RANDOM)},
        baseline_intervals={whose: pair for whose, pair in intervals.items() if pair and whose == RANDOM},
        unit="ratio",
        protocol={
            "population": population.name,
            "contents": len(own),
            "style_donors": donors,
            "distance": "Euclidean, of standardised latents",
            "raw latents": "copying the content donor: nothing varies",
            "random_head": evidence.no_random_head or "untrained",
            "interval": "95 %, delta method over contents",
        },
    )


def _spread(codes: Array) -> npt.NDArray[np.float64]:
    """Mean distance of the pairs in each group `(groups, n, D)`: `(groups,)`."""
    first, second = np.triu_indices(codes.shape[1], 1)
    found: npt.NDArray[np.float64] = (
        np.linalg.norm(codes[:, first] - codes[:, second], axis=2).mean(1).astype(np.float64)
    )
    return found
