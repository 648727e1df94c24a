"""Explicitness."""

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from unbraid.core.evaluation.scalar.inputs import check_inputs


def explicitness(
    codes: npt.NDArray[np.floating],
    factors: npt.NDArray[np.integer],
    *,
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
) -> float:
    """Mean area under the ROC curve of each value of each factor against the rest (Ridgeway & Mozer 2018).

    By logistic regression on all codes, standardised. 0.5 is chance, 1 perfect.

    Args:
        codes: `(n, d)`.
        factors: `(n, k)`.
        train: rows to fit.
        test: rows to score; a value that is not among both parts, or alone in the test part, is left out.
    """
    check_inputs(codes, factors, parts=[train, test])
    mean, spread = codes[train].mean(0), codes[train].std(0)
    scaled = np.where(spread > 1e-9, (codes - mean) / np.maximum(spread, 1e-9), 0.0)
    return float(np.mean([_area(scaled, factor, train, test) for factor in factors.T]))


def _area(
    codes: npt.NDArray[np.floating],
    factor: npt.NDArray[np.integer],
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
) -> float:
    model = LogisticRegression(max_iter=2000).fit(codes[train], factor[train])
    shares = model.predict_proba(codes[test])
    wanted = [(i, factor[test] == value) for i, value in enumerate(model.classes_)]
    areas = [roc_auc_score(right, shares[:, i]) for i, right in wanted if 0 < right.mean() < 1]
    return float(np.mean(areas)) if areas else 0.5  # no value is among both: nothing that was learned applies
