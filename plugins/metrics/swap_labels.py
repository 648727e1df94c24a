"""Swaps judged by labels: does a classifier of real latents see the donors' content and style in what was made?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ConfigError, ProtocolError
from unbraid.core.evaluation.evidence import POPULATIONS, Evidence, Factors, Population, take
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure
from unbraid.core.evaluation.intervals import ratio_interval
from unbraid.core.evaluation.judge import train_judge
from unbraid.core.evaluation.probe import split_by_sample
from unbraid.plugins.metrics.cycle import cycle_figures
from unbraid.plugins.metrics.diversity import diversity_figure

Array = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

HEAD = "head"
REAL = "real latents"
COPY_STYLE = "copy style donor"
LABELS = ("content", "style")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapLabelsConfig:
    """How many swaps are judged.

    Args:
        swaps: random pairs of donors of different content and style.
        donors: style donors for each content donor, for the diversity.
    """

    swaps: int = 500
    donors: int = 6

    def __post_init__(self) -> None:
        if self.swaps < 2 or self.donors < 2:
            raise ConfigError("swaps are judged from two swaps and two style donors on", found=self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairs:
    """Content donors and style donors, `(n,)` positions each, and the samples no donor was drawn from."""

    content: Ints
    style: Ints
    others: Ints


def swap_labels(evidence: Evidence, config: SwapLabelsConfig | None = None) -> Sequence[Figure]:
    """Judge swaps of unseen contents without a true cell to compare with.

    Label consistency: a classifier trained on real latents of the same contents, but not on the donors, reads the
    content of the content donor and the style of the style donor. Cycle error: the swap is taken apart again and its
    factors compared with the donors'. Diversity: how far swaps of one content lie apart, beside real samples.

    Args:
        evidence: the arrays.
        config: the draws.

    Returns:
        Figures of each population.

    Raises:
        CapabilityError: the head cannot entangle.
    """
    config = config or SwapLabelsConfig()
    evidence.need_entangle()
    return [figure for population in evidence.unseen() for figure in _of(evidence, population, config)]


def _of(evidence: Evidence, population: Population, config: SwapLabelsConfig) -> list[Figure]:
    try:
        pairs = _draw(evidence, population, config.swaps)
    except ProtocolError as error:
        return [Figure.absent(f"swap_labels/{population.name}", str(error), summary="Swaps judged by their labels.")]
    swapped = _swapped(evidence, population, pairs.content, pairs.style)
    figures = _consistency(evidence, population, pairs, swapped)
    figures += cycle_figures(evidence, population, pairs.content, pairs.style, swapped)
    return [*figures, diversity_figure(evidence, population, config.donors, _entanglers(evidence, population))]


def _draw(evidence: Evidence, population: Population, n: int) -> _Pairs:
    contents = population.label("content")
    known = np.flatnonzero(contents >= 0)
    others, donors = split_by_sample(np.unique(contents[known], return_inverse=True)[1], 0.4, evidence.seed)
    donors, others = known[donors], known[others]
    rng = evidence.rng(f"swap_labels/{population.name}")
    first, second = donors[rng.integers(len(donors), size=(2, 50 * n))]
    fits = contents[first] != contents[second]
    if "style" in population.labels:
        fits &= population.labels["style"][first] != population.labels["style"][second]
    if fits.sum() < n:
        raise ProtocolError("swaps need donors of different content and style", expected=f"{n}", found=int(fits.sum()))
    return _Pairs(content=first[fits][:n], style=second[fits][:n], others=others)


def _entanglers(evidence: Evidence, population: Population) -> dict[str, tuple[Callable[[Factors], Array], Factors]]:
    """Whose entangle, with whose factors of the population."""
    found = {HEAD: (evidence.need_entangle(), population.factors)}
    if evidence.random_entangle is not None and population.random_factors:
        found[RANDOM] = (evidence.random_entangle, population.random_factors)
    return found


def _swapped(evidence: Evidence, population: Population, content: Ints, style: Ints) -> dict[str, Array]:
    return {
        whose: entangle(evidence.transfer(take(factors, content), take(factors, style)))
        for whose, (entangle, factors) in _entanglers(evidence, population).items()
    }


def _consistency(
    evidence: Evidence, population: Population, pairs: _Pairs, swapped: Mapping[str, Array]
) -> list[Figure]:
    """Share of swaps judged to have the wanted label, of content, of style and of both."""
    made = {
        **swapped,
        RAW: population.z[pairs.content],  # without a head there is nothing to swap: a copy of the content donor
        COPY_STYLE: population.z[pairs.style],
    }
    right: dict[str, dict[str, npt.NDArray[np.bool_]]] = {}
    figures = []
    for label, donors in zip(LABELS, (pairs.content, pairs.style), strict=True):
        try:
            labels = population.label(label)
            judge = _judge(evidence, population.z[pairs.others], labels[pairs.others])
        except ProtocolError as error:
            figures.append(Figure.absent(_name(label, population), str(error), summary=_summary(label, population)))
            continue
        right[label] = {whose: judge(codes) == labels[donors] for whose, codes in made.items()}
        right[label][REAL] = judge(population.z[donors]) == labels[donors]
        figures.append(_share(evidence, population, pairs, label, right[label], 1 / len(np.unique(labels[donors]))))
    if len(right) == 2:
        both = {whose: right["content"][whose] & right["style"][whose] for whose in right["content"]}
        chance = figures[0].chance * figures[1].chance if figures[0].chance and figures[1].chance else None
        figures.append(_share(evidence, population, pairs, "both", both, chance))
    return figures


def _judge(evidence: Evidence, codes: Array, labels: Ints) -> Callable[[Array], Ints]:
    known = labels >= 0
    if len(np.unique(labels[known])) < 2:
        raise ProtocolError("a judge needs two classes", expected=">= 2", found=len(np.unique(labels[known])))
    return train_judge(codes[known], labels[known], seed=evidence.seed, device=evidence.device)


def _share(
    evidence: Evidence,
    population: Population,
    pairs: _Pairs,
    label: str,
    right: Mapping[str, npt.NDArray[np.bool_]],
    chance: float | None,
) -> Figure:
    groups = population.label("content")[pairs.content]
    values = {whose: float(found.mean()) for whose, found in right.items()}
    intervals = {
        whose: ratio_interval(found.astype(np.float64), np.ones(len(found)), groups) for whose, found in right.items()
    }
    return Figure(
        name=_name(label, population),
        value=values[HEAD],
        summary=_summary(label, population),
        interval=intervals[HEAD],
        chance=chance,
        baselines={RANDOM: None} | {whose: value for whose, value in values.items() if whose != HEAD},
        baseline_intervals={whose: pair for whose, pair in intervals.items() if pair and whose != HEAD},
        protocol=_protocol(evidence, population, pairs),
    )


def _protocol(evidence: Evidence, population: Population, pairs: _Pairs) -> dict[str, Any]:
    return {
        "population": population.name,
        "swaps": len(pairs.content),
        "judge": "two hidden layers on real latents, none of them a donor's",
        "judge_samples": len(pairs.others),
        "chance": "one of the classes at random",
        RAW: "copying the content donor: without factors there is nothing else to swap",
        REAL: "the judge on the donors themselves: what a perfect swap could reach",
        "factor_mode": evidence.factor_mode,
        "random_head": evidence.no_random_head or "untrained",
        "interval": "95 %, delta method over contents of the content donors",
    }


def _name(label: str, population: Population) -> str:
    return f"swap_labels/{label}/{population.name}"


def _summary(label: str, population: Population) -> str:
    of = {"content": "content of its content donor", "style": "style of its style donor", "both": "labels of both"}
    return f"Share of swaps in which a judge of real latents sees the {of[label]}, {POPULATIONS[population.name]}."
