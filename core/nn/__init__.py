"""What several methods share and plug-in authors may use: layers, bounds, scorers and starting weights."""

from unbraid.core.nn.batch_norm import recalibrate_batch_norm
from unbraid.core.nn.class_head import ClassHead
from unbraid.core.nn.convolutions import pooled, rows_at_once, takes_convolutions
from unbraid.core.nn.embedding import EMBEDDING_SIDE, convolutional_embedding, row_embedding
from unbraid.core.nn.few_shot import (
    RelationScorer,
    drawable_ways,
    episode_cross_entropy,
    matching_log_probabilities,
    prototype_logits,
)
from unbraid.core.nn.gaussian import gaussian_kl, squared_wasserstein
from unbraid.core.nn.initialisers import INITIALISERS, Initialiser, initialise
from unbraid.core.nn.latent_view import MAX_WIDTH, LatentView, MapView, PerPosition, require_narrow
from unbraid.core.nn.likelihood import misfit
from unbraid.core.nn.mlp import MLP
from unbraid.core.nn.mutual_information import BiasCorrectedBound, donsker_varadhan, log_mean_exp
from unbraid.core.nn.pair_discriminator import PairDiscriminator
from unbraid.core.nn.preprocess import Preprocess
from unbraid.core.nn.reversal import gradient_reversal
from unbraid.core.nn.standardise import STD_FLOOR, Standardise, StandardiseMode

__all__ = [
    "EMBEDDING_SIDE",
    "INITIALISERS",
    "MAX_WIDTH",
    "MLP",
    "STD_FLOOR",
    "BiasCorrectedBound",
    "ClassHead",
    "Initialiser",
    "LatentView",
    "MapView",
    "PairDiscriminator",
    "PerPosition",
    "Preprocess",
    "RelationScorer",
    "Standardise",
    "StandardiseMode",
    "convolutional_embedding",
    "donsker_varadhan",
    "drawable_ways",
    "episode_cross_entropy",
    "gaussian_kl",
    "gradient_reversal",
    "initialise",
    "log_mean_exp",
    "matching_log_probabilities",
    "misfit",
    "pooled",
    "prototype_logits",
    "recalibrate_batch_norm",
    "require_narrow",
    "row_embedding",
    "rows_at_once",
    "squared_wasserstein",
    "takes_convolutions",
]
