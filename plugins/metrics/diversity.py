"""Diversity: how far swaps of one content lie apart, so that a head that ignores style is seen."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.episodes import EpisodeTable, draw_episodes
from unbraid.core.evaluation.evidence import HEAD, POPULATIONS, Evidence, Population, take
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure
from unbraid.core.evaluation.intervals import ratio_interval
from unbraid.plugins.metrics.pairs import PIXELS, Through

Array = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float64]
#: Standardised latents `(n, D)` -> where distances are measured, `(n, ...)`.
View = Callable[[Array], Array]


def diversity_figure(
    evidence: Evidence, population: Population, through: Through, *, donors: int, contents: int, view: View
) -> Figure:
    """Mean pairwise distance of swaps of one content in several styles, beside that of real samples of a content.

    Args:
        evidence: the arrays.
        population: where donors are from.
        through: what the swaps went through.
        donors: style donors of each content donor, all of another content than it, and real samples compared.
        contents: content donors.
        view: what of a latent is compared; real samples are seen through it too.

    Returns:
        A ratio: 0 ignores style, 1 varies as real samples do.
    """
    name = through.name("swap_diversity", population)
    summary = (
        f"Distance between swaps of one content in other styles, by that of real samples"
        f"{', in decoded pixels' if through is PIXELS else ''}, {POPULATIONS[population.name]}: "
        "0 ignores style, 1 is real."
    )
    stream = f"swap_diversity/{population.name}"
    try:
        # two ways: real samples of one content, and style donors of another
        drawn = draw_episodes(
            population.label("content"),
            ways=2,
            shots=donors,
            queries=0,
            episodes=contents,
            seed=evidence.seed,
            stream=stream,
        )
        real = _real(population, drawn, view)
    except ProtocolError as error:
        return Figure.absent(name, str(error), summary=summary)
    made = _made(evidence, population, drawn, view)
    values = {whose: float(spread.sum() / real.sum()) for whose, spread in made.items()}
    intervals = {whose: ratio_interval(spread, real, drawn.classes[:, 0]) for whose, spread in made.items()}
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
            "contents": len(real),
            "style_donors": donors,
            "distance": f"Euclidean, of {'decoded pixels' if through is PIXELS else 'standardised latents'}",
            "real": "samples of a content, decoded likewise" if through is PIXELS else "samples of a content",
            "raw latents": "copying the content donor: nothing varies",
            "random_head": evidence.no_random_head or "untrained",
            "interval": "95 %, delta method over contents",
        },
    )


def _real(population: Population, drawn: EpisodeTable, view: View) -> Floats:
    """Spread of the real samples of each content: `(contents,)`.

    Raises:
        ProtocolError: they are all the same.
    """
    own = drawn.support[:, 0]
    real = _spread(view(population.z[own.ravel()]).reshape(*own.shape, -1))
    if real.sum() <= 1e-6 * np.abs(population.z[own]).sum():
        raise ProtocolError(
            "real samples of a content do not vary: there is nothing to be as diverse as",
            expected="samples of a content that differ",
            found=f"{own.shape[1]} equal ones of each content",
            hint="evaluate on contents in several styles",
        )
    return real


def _made(evidence: Evidence, population: Population, drawn: EpisodeTable, view: View) -> dict[str, Floats]:
    """Whose head -> spread of the swaps of each content, `(contents,)`."""
    own, other = drawn.support[:, 0], drawn.support[:, 1]
    found = {}
    for whose, (entangle, factors) in evidence.entanglers(population).items():
        content, style = take(factors, np.repeat(own[:, 0], own.shape[1])), take(factors, other.ravel())
        found[whose] = _spread(view(entangle(evidence.transfer(content, style))).reshape(*own.shape, -1))
    return found


def _spread(codes: Array) -> Floats:
    """Mean distance of the pairs in each group `(groups, n, D)`: `(groups,)`."""
    first, second = np.triu_indices(codes.shape[1], 1)
    found: Floats = np.linalg.norm(codes[:, first] - codes[:, second], axis=2).mean(1).astype(np.float64)
    return found
