"""Checks that are the same for plug-ins of every kind."""

from unbraid.registry.conformance.common import config, manifest

__all__ = ["config", "manifest"]
