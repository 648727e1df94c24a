"""Swaps judged by labels: does a classifier of real latents see the donors' content and style in what was made?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import CapabilityError, ConfigError, ProtocolError
from unbraid.core.evaluation.evidence import Evidence, Population, take
from unbraid.core.evaluation.figure import RAW, Figure
from unbraid.plugins.metrics.consistency import COPY_STYLE, Judge, consistency_figures, train_judges
from unbraid.plugins.metrics.cycle import cycle_figures
from unbraid.plugins.metrics.diversity import diversity_figure
from unbraid.plugins.metrics.pairs import LATENTS, PIXELS, Pairs, draw_pairs

Array = npt.NDArray[np.floating]

#: Content donors of the diversity in latents; in pixels as many as `decoded` allows.
CONTENTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapLabelsConfig:
    """How many swaps are judged.

    Args:
        swaps: random pairs of donors of different content and style.
        donors: style donors for each content donor, for the diversity.
        decoded: of the swaps, judged in pixels too, at most; a decoder may be large.
    """

    swaps: int = 500
    donors: int = 6
    decoded: int = 200

    def __post_init__(self) -> None:
        if min(self.swaps, self.donors, self.decoded) < 2:
            raise ConfigError(
                "swaps are judged from two swaps and two style donors on",
                expected="swaps, donors and decoded >= 2",
                found=self,
            )


def swap_labels(evidence: Evidence, config: SwapLabelsConfig | None = None) -> Sequence[Figure]:
    """Judge swaps of unseen contents without a true cell to compare with: in latents, and in pixels.

    Label consistency: a classifier trained on real latents of the same contents, but not on the donors, reads the
    content of the content donor and the style of the style donor. Cycle error: the swap is taken apart again and its
    factors compared with the donors'. Diversity: how far swaps of one content lie apart, beside real samples.

    In pixels the swap is decoded and encoded again by the frozen backbone, and then judged by the same classifier and
    taken apart again; distances are those of decoded pictures.

    Args:
        evidence: the arrays.
        config: the draws.

    Returns:
        Figures of each population; those in pixels are not applicable without a decoder.

    Raises:
        CapabilityError: the head cannot entangle.
    """
    config = config or SwapLabelsConfig()
    evidence.need_entangle()
    return [figure for population in evidence.unseen() for figure in _of(evidence, population, config)]


def _of(evidence: Evidence, population: Population, config: SwapLabelsConfig) -> list[Figure]:
    try:
        pairs = draw_pairs(evidence, population, config.swaps)
    except ProtocolError as error:
        return [Figure.absent(f"swap_labels/{population.name}", str(error), summary="Swaps judged by their labels.")]
    swapped = _swapped(evidence, population, pairs)
    judges = train_judges(evidence, population, pairs)
    diversity = diversity_figure(
        evidence, population, LATENTS, donors=config.donors, contents=CONTENTS, view=lambda z: z
    )
    return [
        *consistency_figures(evidence, population, pairs, swapped, judges, LATENTS),
        *cycle_figures(evidence, population, pairs, swapped, LATENTS),
        diversity,
        *_in_pixels(evidence, population, pairs.first(config.decoded), swapped, judges, config),
    ]


def _in_pixels(
    evidence: Evidence,
    population: Population,
    pairs: Pairs,
    swapped: Mapping[str, Array],
    judges: Mapping[str, Judge | ProtocolError],
    config: SwapLabelsConfig,
) -> list[Figure]:
    try:
        decode, encode = evidence.need_decode(), evidence.need_encode()
    except CapabilityError as error:
        summary = "Swaps judged by their labels, decoded and encoded again."
        return [Figure.absent(PIXELS.name("swap_labels", population), str(error), summary=summary)]
    again = {whose: encode(decode(z[: config.decoded])) for whose, z in swapped.items()}
    contents = max(2, config.decoded // config.donors)
    return [
        *consistency_figures(evidence, population, pairs, again, judges, PIXELS),
        *cycle_figures(evidence, population, pairs, again, PIXELS),
        diversity_figure(evidence, population, PIXELS, donors=config.donors, contents=contents, view=decode),
    ]


def _swapped(evidence: Evidence, population: Population, pairs: Pairs) -> dict[str, Array]:
    """Swaps of both heads, and copies of both donors: without a head there is nothing else to swap."""
    made = {
        whose: entangle(evidence.transfer(take(factors, pairs.content), take(factors, pairs.style)))
        for whose, (entangle, factors) in evidence.entanglers(population).items()
    }
    return made | {RAW: population.z[pairs.content], COPY_STYLE: population.z[pairs.style]}
