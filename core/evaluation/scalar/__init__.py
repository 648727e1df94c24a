"""The field's scores for codes of single numbers with known generative factors.

Pure functions of codes `(n, d)` and factors `(n, k)` of class indices, with the constants of disentanglement_lib
(Locatello et al. 2019). They speak of single numbers: a factor legitimately spread over several is penalised by most.
"""

from unbraid.core.evaluation.scalar.beta_vae import beta_vae
from unbraid.core.evaluation.scalar.dci import Dci, dci_gbt, dci_linear
from unbraid.core.evaluation.scalar.explicitness import explicitness
from unbraid.core.evaluation.scalar.factor_vae import factor_vae
from unbraid.core.evaluation.scalar.information import BINS
from unbraid.core.evaluation.scalar.irs import irs
from unbraid.core.evaluation.scalar.mig import mig
from unbraid.core.evaluation.scalar.modularity import modularity
from unbraid.core.evaluation.scalar.sap import sap

__all__ = [
    "BINS",
    "Dci",
    "beta_vae",
    "dci_gbt",
    "dci_linear",
    "explicitness",
    "factor_vae",
    "irs",
    "mig",
    "modularity",
    "sap",
]
