"""The field's scores of single numbers, where the generative factors of the data are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from unbraid.core.config import check_keys
from unbraid.core.errors import ConfigError, ProtocolError
from unbraid.core.evaluation import scalar as scores
from unbraid.core.evaluation.evidence import HEAD, Evidence, Factors
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure
from unbraid.plugins.metrics.scalar_names import CHANCE, DEFAULT, SUMMARIES, Name
from unbraid.plugins.metrics.scalar_task import Scored, Task, scored

Array = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
#: Samples at least.
LEAST = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarConfig:
    """Which scores, on how many samples.

    Args:
        scores: names; `dci_gbt` is slow (half a minute a factor at 256 codes) and only on request.
        samples: used at most, drawn at random; a third is for the tests of scores that fit something.
        points: points or votes of the BetaVAE and FactorVAE scores, two thirds to fit.
        halves: random halves of the samples the intervals are made of; 0 for no intervals.
    """

    scores: tuple[str, ...] = DEFAULT
    samples: int = 3000
    points: int = 1500
    halves: int = 10

    def __post_init__(self) -> None:
        check_keys(self.scores, get_args(Name), where="scalar", what="score")
        if self.samples < LEAST or self.points < 30 or not self.scores or self.halves < 0 or self.halves == 1:
            raise ConfigError(
                "scalar scores need a score, samples and points, and two halves for an interval",
                expected=f"samples >= {LEAST}, points >= 30, halves 0 or >= 2",
                found=self,
            )


def scalar(evidence: Evidence, config: ScalarConfig | None = None) -> Sequence[Figure]:
    """Score all numbers of the factors, side by side, against the known generative factors.

    On all samples of the evaluation together. These scores ask for one number a factor; those of blocks suit heads
    whose factors are wide. Intervals are over samples, by half-sampling: the score of random halves, drawn without
    replacement, deviates from that of all samples as that of all samples does from the truth (McCarthy 1969). A
    bootstrap would put copies of a sample in both parts of a split.

    Args:
        evidence: the arrays.
        config: scores and samples.

    Returns:
        One figure a score, or a part of one.

    Raises:
        ProtocolError: the data set has fewer than two known factors that vary, or too few samples.
    """
    config = config or ScalarConfig()
    known, codes = _gather(evidence)
    count = len(codes[RAW])
    rows = np.sort(evidence.rng("scalar/samples").permutation(count)[: config.samples])
    names = [name for name, values in known.items() if len(np.unique(values[rows])) > 1]
    _check(known, names, count)
    factors = np.stack([np.unique(known[name][rows], return_inverse=True)[1] for name in names], axis=1)
    chosen = {whose: code[rows].astype(np.float64) for whose, code in codes.items()}
    task = Task.of(evidence.seed, factors, points=config.points)
    protocol = _protocol(evidence, names, task, chosen)
    return [figure for name in config.scores for figure in _figures(name, task, chosen, protocol, halves=config.halves)]


def _check(known: Mapping[str, Ints], names: Sequence[str], count: int) -> None:
    if len(names) < 2 or count < LEAST:
        raise ProtocolError(
            "the data set has no known generative factors" if not known else "too few samples or known factors",
            expected=f"at least 2 factors that vary, in {LEAST} samples",
            found=f"{', '.join(names) or 'none'} in {count} samples",
            hint="data drawn from numbers have them, say shapes or glyphs-variable",
        )


def _gather(evidence: Evidence) -> tuple[dict[str, Ints], dict[str, Array]]:
    """Known factors and codes of all populations together.

    Raises:
        ProtocolError: there is no population.
    """
    populations = [population for population in evidence.populations.values() if len(population)]
    populations = populations or [evidence.population("train")]
    known = {
        name: np.concatenate([population.known[name] for population in populations]) for name in populations[0].known
    }
    codes = {
        HEAD: np.concatenate([_joined(population.factors) for population in populations]),
        RAW: np.concatenate([population.z for population in populations]),
    }
    if all(population.random_factors for population in populations):
        codes[RANDOM] = np.concatenate([_joined(population.random_factors) for population in populations])
    return known, codes


def _joined(factors: Factors) -> Array:
    return np.concatenate(list(factors.values()), axis=1)


def _figures(
    name: str, task: Task, codes: Mapping[str, Array], protocol: Mapping[str, Any], *, halves: int
) -> Sequence[Figure]:
    try:
        found = {whose: scored(name, task, code, halves=halves) for whose, code in codes.items()}
    except ProtocolError as error:
        return [Figure.absent(f"scalar/{name}", str(error), summary=SUMMARIES[name])]
    return [_figure(name, part, task, found, protocol) for part in found[HEAD].values]


def _figure(name: str, part: str, task: Task, found: Mapping[str, Scored], protocol: Mapping[str, Any]) -> Figure:
    others = {whose: each for whose, each in found.items() if whose != HEAD}
    solvers = {whose: each.solver for whose, each in found.items() if each.solver}
    return Figure(
        name=f"scalar/{name}/{part}" if part else f"scalar/{name}",
        value=found[HEAD].values[part],
        summary=SUMMARIES[name],
        interval=found[HEAD].intervals.get(part),
        chance=CHANCE[name](task.factors) if name in CHANCE else None,
        baselines={RAW: None, RANDOM: None} | {whose: each.values[part] for whose, each in others.items()},
        baseline_intervals={whose: each.intervals[part] for whose, each in others.items() if part in each.intervals},
        unit="ratio",
        protocol={
            **protocol,
            "interval": _interval(found[HEAD].halves),
            **({"solver": solvers} if solvers else {}),
        },
    )


def _interval(halves: int) -> str:
    if halves < 2:
        return "none: one split, one head"
    return f"95 %, over samples, not heads: Student's t of {halves} random halves, each with its own split and draws"


def _protocol(evidence: Evidence, names: list[str], task: Task, codes: Mapping[str, Array]) -> dict[str, Any]:
    return {
        "population": ", ".join(evidence.populations),
        "known_factors": {name: int(task.factors[:, k].max()) + 1 for k, name in enumerate(names)},
        "codes": codes[HEAD].shape[1],
        "codes_raw": codes[RAW].shape[1],
        "samples": len(task.factors),
        "train_samples": len(task.train),
        "test_samples": len(task.test),
        "points": task.points,
        "bins": scores.BINS,
        "factor_mode": evidence.factor_mode,
        "random_head": evidence.no_random_head or "untrained",
    }
