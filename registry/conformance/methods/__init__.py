"""Checks of methods, in the order in which they run."""

from unbraid.registry.conformance.methods import (  # isort: skip
    contract,
    shapes,
    rows,
    gradients,
    frozen,
    determinism,
    resume,
    saving,
    export,
    evaluation,
    errors,
    bad_input,
    growth,
)

__all__ = [
    "bad_input",
    "contract",
    "determinism",
    "errors",
    "evaluation",
    "export",
    "frozen",
    "gradients",
    "growth",
    "resume",
    "rows",
    "saving",
    "shapes",
]
