"""How factors of two images are put together, for tensors and arrays alike; imports neither torch nor numpy.

Both the attached model and the served bundle use these functions, so the two cannot disagree about roles.
"""

from collections.abc import Iterator, Mapping, Sized
from typing import TYPE_CHECKING, Any, TypeVar

from unbraid.core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from unbraid.core.interfaces.specs import Role  # the package it lives in imports torch

#: A tensor or an array: anything with + and *.
T = TypeVar("T", bound=Any)


def transfer_factors(roles: "Mapping[str, Role]", content: Mapping[str, T], style: Mapping[str, T]) -> dict[str, T]:
    """Take content factors from one donor, style and rest from the other.

    Args:
        roles: factor name -> role, in the order of the head's factors.
        content: factors of the content donor, each `(B, *factor)`.
        style: factors of the style donor, the same shapes.

    >>> transfer_factors({"letter": "content", "hand": "style"}, {"letter": 1, "hand": 2}, {"letter": 3, "hand": 4})
    {'letter': 1, 'hand': 4}
    """
    return {name: content[name] if role == "content" else style[name] for name, role in roles.items()}


def interpolate_factors(
    roles: "Mapping[str, Role]", first: Mapping[str, T], second: Mapping[str, T], a: float, b: float
) -> dict[str, T]:
    """Mix two sets of factors: content at weight `a` of the second, style and rest at weight `b`.

    >>> interpolate_factors({"letter": "content", "hand": "style"}, {"letter": 0.0, "hand": 0.0},
    ...     {"letter": 1.0, "hand": 1.0}, 0.25, 0.5)
    {'letter': 0.25, 'hand': 0.5}
    """
    weights = {name: a if role == "content" else b for name, role in roles.items()}
    return {name: _mix(first[name], second[name], weight) for name, weight in weights.items()}


def interpolation_weights(steps: int) -> Iterator[tuple[float, float]]:
    """Walk the grid of an interpolation, content (`a`) slowest: `steps * steps` pairs from (0, 0) to (1, 1).

    Raises:
        ConfigError: fewer than two steps have no two ends.

    >>> list(interpolation_weights(2))
    [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
    """
    if steps < 2:
        raise ConfigError("an interpolation has two ends", expected="steps >= 2", found=steps)
    line = [i / (steps - 1) for i in range(steps)]
    return ((a, b) for a in line for b in line)


def check_pairs(first: Sized, second: Sized) -> None:
    """Raise `DataError` unless two sets have as many rows."""
    if len(first) != len(second):
        raise DataError(
            "verbs on two sets go row by row",
            expected="as many rows in both",
            found=f"{len(first)} and {len(second)}",
            hint="repeat the shorter one",
        )


def _mix(first: T, second: T, weight: float) -> T:
    """Mix linearly; the ends are exact because 1 * x + 0 * y is x for finite numbers."""
    mixed: T = first * (1.0 - weight) + second * weight
    return mixed
