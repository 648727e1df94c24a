"""Label consistency: what a judge of real latents sees in a swap."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.evidence import HEAD, POPULATIONS, Evidence, Population
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure
from unbraid.core.evaluation.intervals import ratio_interval
from unbraid.core.evaluation.judge import train_judge
from unbraid.plugins.metrics.pairs import PIXELS, Pairs, Through

Array = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Judge = Callable[[Array], Ints]

REAL = "real latents"
COPY_STYLE = "copy style donor"
DECODED = "decoded donors"
LABELS = ("content", "style")


def train_judges(evidence: Evidence, population: Population, pairs: Pairs) -> dict[str, Judge | ProtocolError]:
    """Train a judge of each label on real latents that no donor was drawn from; give why not where there is none."""
    judges: dict[str, Judge | ProtocolError] = {}
    for label in LABELS:
        try:
            labels = population.label(label)[pairs.others]
            known = pairs.others[labels >= 0]
            judges[label] = train_judge(
                population.z[known], labels[labels >= 0], seed=evidence.seed, device=evidence.device
            )
        except ProtocolError as error:
            judges[label] = error
    return judges


def consistency_figures(
    evidence: Evidence,
    population: Population,
    pairs: Pairs,
    made: Mapping[str, Array],
    judges: Mapping[str, Judge | ProtocolError],
    through: Through,
) -> list[Figure]:
    """Share of swaps judged to have the wanted label, of content, of style and of both.

    Args:
        evidence: the arrays.
        population: where the donors are from.
        pairs: the donors.
        made: whose -> `(n, D)` codes to judge: swaps of the heads, and copies of both donors.
        judges: of `train_judges`.
        through: what the codes went through.
    """
    right: dict[str, dict[str, Bools]] = {}
    figures = []
    for label, donors in zip(LABELS, (pairs.content, pairs.style), strict=True):
        judge = judges[label]
        if isinstance(judge, ProtocolError):
            name, summary = through.name(f"swap_labels/{label}", population), _summary(label, population, through)
            figures.append(Figure.absent(name, str(judge), summary=summary))
            continue
        labels = population.label(label)[donors]
        right[label] = {whose: judge(codes) == labels for whose, codes in made.items()}
        right[label][REAL] = judge(population.z[donors]) == labels
        if through is PIXELS:
            right[label][DECODED] = right[label][RAW if label == "content" else COPY_STYLE]
        chance = 1 / len(np.unique(labels))
        figures.append(_share(evidence, population, pairs, label, right[label], chance, through))
    if len(right) == 2:
        both = {whose: right["content"][whose] & right["style"][whose] for whose in right["content"]}
        chance = float(np.prod([figure.chance or 1.0 for figure in figures]))
        figures.append(_share(evidence, population, pairs, "both", both, chance, through))
    return figures


def _share(
    evidence: Evidence,
    population: Population,
    pairs: Pairs,
    label: str,
    right: Mapping[str, Bools],
    chance: float,
    through: Through,
) -> Figure:
    groups = population.groups()[pairs.content]
    values = {whose: float(found.mean()) for whose, found in right.items()}
    intervals = {
        whose: ratio_interval(found.astype(np.float64), np.ones(len(found)), groups, most=1)
        for whose, found in right.items()
    }
    return Figure(
        name=through.name(f"swap_labels/{label}", population),
        value=values[HEAD],
        summary=_summary(label, population, through),
        interval=intervals[HEAD],
        chance=chance,
        baselines={RANDOM: None} | {whose: value for whose, value in values.items() if whose != HEAD},
        baseline_intervals={whose: pair for whose, pair in intervals.items() if pair and whose != HEAD},
        protocol=_protocol(evidence, population, pairs, through),
    )


def _protocol(evidence: Evidence, population: Population, pairs: Pairs, through: Through) -> dict[str, Any]:
    ceiling = {DECODED: "the judge on the donors, decoded and encoded: what a perfect swap could reach here"}
    return {
        "population": population.name,
        "swaps": len(pairs.content),
        "judge": "two hidden layers on real latents, none of them a donor's",
        "judge_samples": len(pairs.others),
        "judged": "decoded by the frozen decoder, encoded again" if through is PIXELS else "as entangled",
        "chance": "one of the classes at random",
        RAW: "copying the content donor: without factors there is nothing else to swap",
        REAL: "the judge on the donors themselves: what a perfect swap could reach",
        "factor_mode": evidence.factor_mode,
        "random_head": evidence.no_random_head or "untrained",
        "interval": "95 %, delta method over contents of the content donors",
    } | (ceiling if through is PIXELS else {})


def _summary(label: str, population: Population, through: Through) -> str:
    of = {"content": "content of its content donor", "style": "style of its style donor", "both": "labels of both"}
    return (
        f"Share of swaps{through.words} in which a judge of real latents sees the {of[label]}, "
        f"{POPULATIONS[population.name]}."
    )
