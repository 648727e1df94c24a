"""Freezing: flags while held, the guard that nothing moved, the fingerprint that says which model it is."""

from unbraid.core.freezing.fingerprint import fingerprint_of
from unbraid.core.freezing.guard import FrozenGuard

__all__ = ["FrozenGuard", "fingerprint_of"]
