"""Talk to a server of bundles; needs numpy, and Pillow for pictures."""

from unbraid.core.client.client import Client

__all__ = ["Client"]
