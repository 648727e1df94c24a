"""Measuring how far factors came apart: figures with chance, baselines, intervals and protocol."""

from unbraid.core.evaluation.evaluate import evaluate
from unbraid.core.evaluation.evaluation import Evaluation
from unbraid.core.evaluation.evidence import POPULATIONS, Evidence, Population
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure, Interval
from unbraid.core.evaluation.intervals import normal_interval, ratio_interval

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
    "normal_interval",
    "ratio_interval",
]
