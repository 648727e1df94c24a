"""Measuring how far factors came apart: figures with chance, baselines, intervals and protocol."""

from unbraid.core.evaluation.evaluate import evaluate
from unbraid.core.evaluation.evaluation import Evaluation
from unbraid.core.evaluation.evidence import POPULATIONS, Evidence, Population
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure, Interval

__all__ = [
    "POPULATIONS",
    "RANDOM",
    "RAW",
    "Evaluation",
    "Evidence",
    "Figure",
    "Interval",
    "Population",
    "evaluate",
]
