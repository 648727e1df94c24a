"""Scoring codes by a name: on all samples, and on random halves of them for the interval."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation import scalar as scores
from unbraid.core.evaluation.figure import Interval
from unbraid.core.evaluation.intervals import t95
from unbraid.core.interfaces.draws import derive_seed

Array = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A score of some codes: part -> value and 95 % interval, one part of no name for most scores.

    `halves` is how many the intervals were made of, `solver` says where a fit stopped before it converged.
    """

    values: Mapping[str, float]
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    halves: int = 0
    solver: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """Known factors `(n, k)` of some samples, and which of them are for fitting; `stream` names the draws."""

    seed: int
    stream: str
    factors: Ints
    train: Ints
    test: Ints
    points: int

    @classmethod
    def of(cls, seed: int, factors: Ints, *, points: int, stream: str = "scalar") -> "Task":
        """Split samples within each value of the factor that has most values; a value's only sample is for fitting."""
        rarest = max(factors.T, key=lambda values: len(np.unique(values)))
        rng = np.random.default_rng(derive_seed(seed, f"evaluation/{stream}/split", 0))
        held = []
        for value in np.unique(rarest):
            rows = rng.permutation(np.flatnonzero(rarest == value))
            held.append(rows[: max(1, round(len(rows) / 3)) if len(rows) > 1 else 0])
        test = np.sort(np.concatenate(held)).astype(np.int64)
        train = np.setdiff1d(np.arange(len(factors), dtype=np.int64), test)
        return cls(seed, stream, factors, train, test, points)

    def half(self, number: int) -> tuple[Ints, "Task"]:
        """Give a random half of the samples, and the same task on it."""
        stream = f"{self.stream}/half {number}"
        rows = np.sort(self._rng(f"{stream}/rows").permutation(len(self.factors))[: len(self.factors) // 2])
        return rows, Task.of(self.seed, self.factors[rows], points=self.points, stream=stream)

    def score(self, name: str, codes: Array) -> dict[str, float]:
        """Give a score, or the parts of one that has several."""
        found = self._functions()[name](codes)
        return dict(found) if isinstance(found, dict) else {"": float(found)}

    def _functions(self) -> Mapping[str, Callable[[Array], Any]]:
        y, fit = self.factors, {"train": self.train, "test": self.test}
        drawn = {"train": self.points * 2 // 3, "test": self.points // 3}
        seed = self.seed % 2**32
        return {
            "beta_vae": lambda z: scores.beta_vae(z, y, rng=self._rng(f"{self.stream}/beta_vae"), **drawn),
            "factor_vae": lambda z: scores.factor_vae(z, y, rng=self._rng(f"{self.stream}/factor_vae"), **drawn),
            "mig": lambda z: scores.mig(z, y),
            "dci_gbt": lambda z: _parts(scores.dci_gbt(z, y, seed=seed, **fit)),
            "dci_linear": lambda z: _parts(scores.dci_linear(z, y, seed=seed, **fit)),
            "sap": lambda z: scores.sap(z, y, **fit),
            "modularity": lambda z: scores.modularity(z, y),
            "explicitness": lambda z: scores.explicitness(z, y, **fit),
            "irs": lambda z: scores.irs(z, y),
        }

    def _rng(self, stream: str) -> np.random.Generator:
        return np.random.default_rng(derive_seed(self.seed, f"evaluation/{stream}", 0))


def scored(name: str, task: Task, codes: Array, *, halves: int) -> Scored:
    """Score codes on all samples, with an interval over samples.

    The variance of a mean over a random half of n samples, drawn without replacement, is that of a mean over n fresh
    ones; so the deviation over halves is the standard error of the score (half-sampling, McCarthy 1969).

    Args:
        name: of the score.
        task: factors and splits.
        codes: `(n, d)` float64.
        halves: how many; a half in which a factor does not vary is left out.

    Raises:
        ProtocolError: the score has no meaning for these codes and factors.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        values = task.score(name, codes)
        parts = [found for number in range(halves) if (found := _on_half(name, task, codes, number)) is not None]
    stopped = sum(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    for other in (warning for warning in caught if not issubclass(warning.category, ConvergenceWarning)):
        warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    intervals = {}
    if len(parts) > 1:
        for part, value in values.items():
            deviation = float(np.std([found[part] for found in parts], ddof=1))
            reach = t95(len(parts) - 1) * deviation
            intervals[part] = (max(0.0, value - reach), min(1.0, value + reach))
    solver = f"{stopped} fits stopped at their limit of iterations" if stopped else ""
    return Scored(values=values, intervals=intervals, halves=len(parts), solver=solver)


def _on_half(name: str, task: Task, codes: Array, number: int) -> dict[str, float] | None:
    rows, half = task.half(number)
    try:
        return half.score(name, codes[rows])
    except ProtocolError:
        return None


def _parts(found: scores.Dci) -> dict[str, float]:
    return {name: getattr(found, name) for name in ("disentanglement", "completeness", "informativeness")}
