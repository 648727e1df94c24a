"""Checks of backbones, in the order in which they run."""

from unbraid.registry.conformance.backbones import (  # isort: skip
    contract,
    shapes,
    inverse,
    gradients,
    identity,
    export,
    frozen,
    errors,
)

__all__ = ["contract", "errors", "export", "frozen", "gradients", "identity", "inverse", "shapes"]
