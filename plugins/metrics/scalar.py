"""The field's scores of single numbers, where the generative factors of the data are known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from unbraid.core.config import check_keys
from unbraid.core.errors import ConfigError, ProtocolError
from unbraid.core.evaluation import scalar as scores
from unbraid.core.evaluation.evidence import Evidence, Factors
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure
from unbraid.core.evaluation.probe import split_by_sample
from unbraid.plugins.metrics.scalar_names import CHANCE, DEFAULT, SUMMARIES, Name

Array = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarConfig:
    """Which scores, on how many samples.

    Args:
        scores: names; `dci_gbt` is slow (half a minute a factor at 256 codes) and only on request.
        samples: used at most, drawn at random; a third is for the tests of scores that fit something.
        points: points or votes of the BetaVAE and FactorVAE scores, two thirds to fit.
    """

    scores: tuple[str, ...] = DEFAULT
    samples: int = 3000
    points: int = 1500

    def __post_init__(self) -> None:
        check_keys(self.scores, get_args(Name), where="scalar", what="score")
        if self.samples < 30 or self.points < 30 or not self.scores:
            raise ConfigError("scalar scores need a score, 30 samples and 30 points at least", found=self)


@dataclass(frozen=True, slots=True)
class _Task:
    """Known factors `(n, k)` of some samples, and which are for fitting."""

    evidence: Evidence
    factors: Ints
    train: Ints
    test: Ints
    points: int

    def score(self, name: str, codes: Array) -> dict[str, float]:
        """Give a score, or the parts of one that has several."""
        found = self._functions()[name](codes.astype(np.float64))
        return dict(found) if isinstance(found, dict) else {"": float(found)}

    def _functions(self) -> Mapping[str, Callable[[Array], Any]]:
        y, fit = self.factors, {"train": self.train, "test": self.test}
        drawn = {"train": self.points * 2 // 3, "test": self.points // 3}
        seed = self.evidence.seed % 2**32
        return {
            "beta_vae": lambda z: scores.beta_vae(z, y, rng=self.evidence.rng("scalar/beta_vae"), **drawn),
            "factor_vae": lambda z: scores.factor_vae(z, y, rng=self.evidence.rng("scalar/factor_vae"), **drawn),
            "mig": lambda z: scores.mig(z, y),
            "dci_gbt": lambda z: _parts(scores.dci_gbt(z, y, seed=seed, **fit)),
            "dci_linear": lambda z: _parts(scores.dci_linear(z, y, seed=seed, **fit)),
            "sap": lambda z: scores.sap(z, y, **fit),
            "modularity": lambda z: scores.modularity(z, y),
            "explicitness": lambda z: scores.explicitness(z, y, **fit),
            "irs": lambda z: scores.irs(z, y),
        }


def scalar(evidence: Evidence, config: ScalarConfig | None = None) -> Sequence[Figure]:
    """Score all numbers of the factors, side by side, against the known generative factors.

    On all samples of the evaluation together. These scores ask for one number a factor; those of blocks suit heads
    whose factors are wide.

    Args:
        evidence: the arrays.
        config: scores and samples.

    Returns:
        One figure a score.

    Raises:
        ProtocolError: the data set has fewer than two known factors that vary.
    """
    config = config or ScalarConfig()
    known, codes = _gather(evidence)
    names = [name for name, values in known.items() if len(np.unique(values)) > 1]
    if len(names) < 2:
        raise ProtocolError(
            "the data set has no known generative factors",
            expected="at least 2 that vary",
            found=", ".join(names) or "none",
            hint="data drawn from numbers have them, say shapes or glyphs-variable",
        )
    rows = np.sort(evidence.rng("scalar/samples").permutation(len(known[names[0]]))[: config.samples])
    factors = np.stack([np.unique(known[name][rows], return_inverse=True)[1] for name in names], axis=1)
    train, test = _split(factors, evidence.seed)
    task = _Task(evidence, factors, train, test, config.points)
    chosen = {whose: code[rows] for whose, code in codes.items()}
    protocol = _protocol(evidence, names, task, chosen)
    return [figure for name in config.scores for figure in _figures(name, task, chosen, protocol)]


def _gather(evidence: Evidence) -> tuple[dict[str, Ints], dict[str, Array]]:
    """Known factors and codes of all populations together."""
    populations = list(evidence.populations.values())
    known = {
        name: np.concatenate([population.known[name] for population in populations])
        for name in (populations[0].known if populations else {})
    }
    codes = {
        "head": np.concatenate([_joined(population.factors) for population in populations]),
        RAW: np.concatenate([population.z for population in populations]),
    }
    if all(population.random_factors for population in populations):
        codes[RANDOM] = np.concatenate([_joined(population.random_factors) for population in populations])
    return known, codes


def _joined(factors: Factors) -> Array:
    return np.concatenate(list(factors.values()), axis=1)


def _split(factors: Ints, seed: int) -> tuple[Ints, Ints]:
    """Split by sample so that every value of every factor is on both sides as far as it can be."""
    rarest = max(factors.T, key=lambda values: values.max())
    return split_by_sample(rarest, 1 / 3, seed)


def _figures(name: str, task: _Task, codes: Mapping[str, Array], protocol: Mapping[str, Any]) -> Sequence[Figure]:
    found = {whose: task.score(name, code) for whose, code in codes.items()}
    return [
        Figure(
            name=f"scalar/{name}/{part}" if part else f"scalar/{name}",
            value=value,
            summary=SUMMARIES[name],
            chance=CHANCE[name](task.factors) if name in CHANCE else None,
            baselines={whose: found[whose][part] if whose in found else None for whose in (RAW, RANDOM)},
            unit="ratio",
            protocol=protocol,
        )
        for part, value in found["head"].items()
    ]


def _parts(found: scores.Dci) -> dict[str, float]:
    return {name: getattr(found, name) for name in ("disentanglement", "completeness", "informativeness")}


def _protocol(evidence: Evidence, names: list[str], task: _Task, codes: Mapping[str, Array]) -> dict[str, Any]:
    return {
        "population": ", ".join(evidence.populations),
        "known_factors": {name: int(task.factors[:, k].max()) + 1 for k, name in enumerate(names)},
        "codes": codes["head"].shape[1],
        "codes_raw": codes[RAW].shape[1],
        "samples": len(task.factors),
        "train_samples": len(task.train),
        "test_samples": len(task.test),
        "points": task.points,
        "bins": scores.BINS,
        "factor_mode": evidence.factor_mode,
        "random_head": evidence.no_random_head or "untrained",
        "interval": "none: one split, one head",
    }
