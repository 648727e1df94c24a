"""The scores of single numbers: their names, what they say, what no knowledge gives."""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

Name = Literal["beta_vae", "factor_vae", "mig", "dci_gbt", "dci_linear", "sap", "modularity", "explicitness", "irs"]

#: Computed unless told otherwise: all but the slow one.
DEFAULT: tuple[str, ...] = (
    "beta_vae",
    "factor_vae",
    "mig",
    "dci_linear",
    "sap",
    "modularity",
    "explicitness",
    "irs",
)

SUMMARIES: Mapping[str, str] = {
    "beta_vae": "Can a linear classifier tell which factor pairs of samples share, from their codes' differences?",
    "factor_vae": "Does the code that varies least tell which factor is fixed?",
    "mig": "Mutual information gap between the two codes that know most of a factor, 20 bins.",
    "dci_gbt": "DCI by gradient-boosted trees: is each code about one factor, each factor in one code, and readable?",
    "dci_linear": "DCI by sparse linear classifiers: is each code about one factor, each factor in one code, readable?",
    "sap": "Gap in accuracy between the two single codes that predict a factor best, by support vector machines.",
    "modularity": "Is each code about one factor only, by mutual information in 20 bins?",
    "explicitness": "How well a linear classifier ranks each value of each factor against the rest, from all codes.",
    "irs": "How little codes move under changes of all factors but one.",
}

Ints = npt.NDArray[np.integer]


def _one_factor(factors: Ints) -> float:
    return 1 / int(factors.shape[1])


#: Name -> chance, given the factors `(n, k)`; scores without an entry have none in closed form.
CHANCE: Mapping[str, Callable[[Ints], float | None]] = {
    "beta_vae": _one_factor,
    "factor_vae": _one_factor,
    "mig": lambda _: 0.0,
    "sap": lambda _: 0.0,
    "explicitness": lambda _: 0.5,
}
