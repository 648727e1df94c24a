"""Serving: run bundles with onnxruntime and numpy; torch is not imported."""

from unbraid.core.serving.bundle import Bundle
from unbraid.core.serving.loading import load_bundle

__all__ = ["Bundle", "load_bundle"]
