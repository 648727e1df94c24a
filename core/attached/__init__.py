"""The attached model: a frozen backbone with a disentangler on it."""

from unbraid.core.attached.attaching import attach
from unbraid.core.attached.head_file import load
from unbraid.core.attached.model import AttachedModel

__all__ = ["AttachedModel", "attach", "load"]
