"""Checks of metrics, in the order in which they run."""

from unbraid.registry.conformance.metrics import contract, figures, evidence  # isort: skip

__all__ = ["contract", "evidence", "figures"]
