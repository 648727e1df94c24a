"""The one registry of the process: built on first use, replaceable in tests."""

import contextlib
import threading
from collections.abc import Iterator

from unbraid.registry.catalogue import Registry

_lock = threading.RLock()
_current: Registry | None = None


def get_registry() -> Registry:
    """Get the registry of this process; the first call imports the manifests of the installed plug-ins.

    Returns:
        The registry.
    """
    global _current
    with _lock:
        if _current is None:
            _current = Registry()
        return _current


@contextlib.contextmanager
def use_registry(registry: Registry) -> Iterator[Registry]:
    """Replace the registry of the process for the length of a block; for tests.

    Args:
        registry: What `get_registry` returns inside the block.

    Yields:
        The same registry.

    >>> with use_registry(Registry.empty()):
    ...     dict(get_registry().datasets())
    {}
    """
    global _current
    with _lock:
        before, _current = _current, registry
    try:
        yield registry
    finally:
        with _lock:
            _current = before
