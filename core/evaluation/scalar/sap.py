"""Separated attribute predictability."""

from typing import Any, cast

import numpy as np
import numpy.typing as npt
from sklearn.svm import LinearSVC

from unbraid.core.evaluation.scalar.inputs import check_inputs


def sap(
    codes: npt.NDArray[np.floating],
    factors: npt.NDArray[np.integer],
    *,
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
) -> float:
    """Mean over factors of the gap between the two codes that predict it best (Kumar et al. 2018).

    Each code by itself, by a linear support vector machine (C 0.01, balanced classes), test accuracy: the score for
    discrete factors. The one for continuous factors is 2.2 to 2.5 times as large on the same data.

    Args:
        codes: `(n, d)`, d at least 2.
        factors: `(n, k)`.
        train: rows to fit.
        test: rows to score.
    """
    check_inputs(codes, factors, codes_least=2, parts=[train])
    scores = np.array([[_accuracy(code, factor, train, test) for factor in factors.T] for code in codes.T])
    ranked = np.sort(scores, axis=0)
    return float((ranked[-1] - ranked[-2]).mean())


def _accuracy(
    code: npt.NDArray[np.floating],
    factor: npt.NDArray[np.integer],
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
) -> float:
    model = LinearSVC(C=0.01, class_weight="balanced", random_state=0)
    model.fit(code[train, None], factor[train])
    return float(np.mean(np.equal(cast("Any", model).predict(code[test, None]), factor[test])))
