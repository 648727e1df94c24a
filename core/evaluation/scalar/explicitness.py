"""Explicitness."""

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score


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
        test: rows to score; every value must be among both.
    """
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
    areas = [roc_auc_score(factor[test] == value, shares[:, i]) for i, value in enumerate(model.classes_)]
    return float(np.mean(areas))
