"""Methods side by side: the same frozen latents, splits, seeds and episodes for all of them."""

from unbraid.core.comparison.compare import compare
from unbraid.core.comparison.comparison import Comparison
from unbraid.core.comparison.recipe import ComparisonRecipe, build_comparison, load_comparison
from unbraid.core.comparison.summary import Difference, Failure, Summary

__all__ = [
    "Comparison",
    "ComparisonRecipe",
    "Difference",
    "Failure",
    "Summary",
    "build_comparison",
    "compare",
    "load_comparison",
]
