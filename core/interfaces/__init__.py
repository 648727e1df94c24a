"""The contracts: what backbones, disentanglers, objectives and data sets are."""

from unbraid.core.interfaces.backbone import Backbone, BackboneInfo, Decoder, Encoder
from unbraid.core.interfaces.batch import (
    Batch,
    BatchSpec,
    CellRows,
    Cells,
    Drawn,
    EpisodeRows,
    Episodes,
    Pairs,
    Rows,
    SameClassPairs,
    Samples,
)
from unbraid.core.interfaces.dataset import SPLITS, Dataset, Images, Split
from unbraid.core.interfaces.disentangler import Disentangler, only
from unbraid.core.interfaces.draws import Draws, derive_seed
from unbraid.core.interfaces.graph import Graph
from unbraid.core.interfaces.objective import Losses, Objective, OptimiserSpec, Term, total
from unbraid.core.interfaces.picture import Picture
from unbraid.core.interfaces.posterior import Posterior
from unbraid.core.interfaces.specs import DEFAULT_DOMAIN, Factor, ImageSpec, LabelSpec, LatentSpec

__all__ = [
    "DEFAULT_DOMAIN",
    "SPLITS",
    "Backbone",
    "BackboneInfo",
    "Batch",
    "BatchSpec",
    "CellRows",
    "Cells",
    "Dataset",
    "Decoder",
    "Disentangler",
    "Drawn",
    "Draws",
    "Encoder",
    "EpisodeRows",
    "Episodes",
    "Factor",
    "Graph",
    "ImageSpec",
    "Images",
    "LabelSpec",
    "LatentSpec",
    "Losses",
    "Objective",
    "OptimiserSpec",
    "Pairs",
    "Picture",
    "Posterior",
    "Rows",
    "SameClassPairs",
    "Samples",
    "Split",
    "Term",
    "derive_seed",
    "only",
    "total",
]
