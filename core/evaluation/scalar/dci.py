"""Disentanglement, completeness, informativeness."""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.svm import LinearSVC

from unbraid.core.evaluation.blocks import completeness, disentanglement
from unbraid.core.evaluation.scalar.inputs import check_inputs

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]
Rows = npt.NDArray[np.int64]


class Dci(NamedTuple):
    """Scores in [0, 1], and the importance of each code for each factor, `(d, k)`; informativeness is accuracy."""

    disentanglement: float
    completeness: float
    informativeness: float
    importance: Floats


def dci_gbt(codes: Floats, factors: Ints, *, train: Rows, test: Rows, seed: int = 0) -> Dci:
    """DCI (Eastwood & Williams 2018) with the importances of 100 gradient-boosted trees a class, sklearn's defaults.

    The usual estimator, and a slow one: half a minute a factor at 256 codes.

    Args:
        codes: `(n, d)`.
        factors: `(n, k)`.
        train: rows to fit.
        test: rows to score.
        seed: of the trees, which are not the same from run to run without.
    """
    check_inputs(codes, factors, parts=[train])

    def fit(factor: Ints) -> tuple[Floats, float]:
        model = GradientBoostingClassifier(random_state=seed).fit(codes[train], factor[train])
        return np.abs(model.feature_importances_), float(
            np.mean(np.equal(cast("Any", model).predict(codes[test]), factor[test]))
        )

    return _scores(fit, factors)


def dci_linear(codes: Floats, factors: Ints, *, train: Rows, test: Rows, seed: int = 0) -> Dci:
    """DCI with the weights of sparse linear classifiers: one class against the rest, L1, on standardised codes.

    Fast, and another score than that of trees: the order of two models may differ.

    Args:
        codes: `(n, d)`.
        factors: `(n, k)`.
        train: rows to fit.
        test: rows to score.
        seed: of the solver's order.
    """
    check_inputs(codes, factors, parts=[train])
    mean, spread = codes[train].mean(0), codes[train].std(0)
    scaled = np.where(spread > 1e-9, (codes - mean) / np.maximum(spread, 1e-9), 0.0)

    def fit(factor: Ints) -> tuple[Floats, float]:
        model = LinearSVC(penalty="l1", dual=False, C=0.1, random_state=seed, max_iter=5000)  # pyright: ignore[reportArgumentType]
        model.fit(scaled[train], factor[train])
        return np.abs(model.coef_).mean(0), float(
            np.mean(np.equal(cast("Any", model).predict(scaled[test]), factor[test]))
        )

    return _scores(fit, factors)


def _scores(fit: Callable[[Ints], tuple[Floats, float]], factors: Ints) -> Dci:
    fitted = [fit(factor) for factor in factors.T]
    importance = np.stack([found for found, _ in fitted], axis=1)
    accuracy = float(np.mean([share for _, share in fitted]))
    return Dci(disentanglement(importance), completeness(importance), accuracy, importance)
