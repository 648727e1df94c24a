"""Take values out of parsed JSON that somebody else may have written."""

from collections.abc import Callable
from typing import Any, TypeVar

from unbraid.core.errors import DamagedArtefactError

V = TypeVar("V")


def take(data: Any, key: str, kind: type[V]) -> V:
    """Give `data[key]`, which must be of the type.

    Raises:
        DamagedArtefactError: it is missing or of another type; a boolean is no number.
    """
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        found = "nothing" if value is None else f"{type(value).__name__} {value!r:.80}"
        raise refused(f"{key!r} is missing or of the wrong type", expected=kind.__name__, found=found)
    return value


def take_or_none(data: Any, key: str, kind: type[V]) -> V | None:
    """Give `data[key]`, of the type or null; it must be there."""
    if isinstance(data, dict) and data.get(key, data) is None:
        return None
    return take(data, key, kind)


def one_of(data: Any, key: str, known: tuple[str, ...]) -> str:
    """Give the text `data[key]`, one of those known."""
    value = take(data, key, str)
    if value not in known:
        raise refused(f"{key!r} is malformed", expected=f"one of {', '.join(known)}", found=f"{value!r:.80}")
    return value


def take_number(data: Any, key: str) -> float:
    """Give `data[key]`, a number."""
    whole = isinstance(data, dict) and type(data.get(key)) is int
    return float(take(data, key, int)) if whole else take(data, key, float)


def take_many(data: Any, key: str, read: Callable[[Any], V]) -> tuple[V, ...]:
    """Give the list `data[key]`, each element read."""
    return tuple(read(item) for item in take(data, key, list))


def take_named(data: Any, key: str, read: Callable[[Any], V]) -> dict[str, V]:
    """Give the object `data[key]`, each value read."""
    return {name: read(item) for name, item in take(data, key, dict).items()}


def whole_number(value: Any) -> int:
    """Read a positive integer."""
    if type(value) is not int or value < 1:
        raise refused("a size is malformed", expected="a positive integer", found=repr(value)[:80])
    return value


def text(value: Any) -> str:
    """Read a text."""
    if not isinstance(value, str):
        raise refused("a name is malformed", expected="text", found=repr(value)[:80])
    return value


def refused(problem: str, *, expected: str, found: str) -> DamagedArtefactError:
    """Make the error of a manifest that cannot be used."""
    return DamagedArtefactError(f"bundle manifest: {problem}", expected=expected, found=found, hint="export it again")
