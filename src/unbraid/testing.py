"""What the tests of a plug-in need: a registry that holds exactly the plug-ins of the test.

>>> from unbraid.testing import Registry, use_registry
>>> with use_registry(Registry.empty()) as registry:
...     registry.failures
()
"""

from unbraid.registry import Registry, use_registry

__all__ = ["Registry", "use_registry"]
