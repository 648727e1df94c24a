"""Checks of data sets, in the order in which they run."""

from unbraid.registry.conformance.datasets import contract, labels, pictures  # isort: skip

__all__ = ["contract", "labels", "pictures"]
