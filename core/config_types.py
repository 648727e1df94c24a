"""Checking one value against one annotation."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Literal, Protocol, TypeVar

from unbraid.core.errors import ConfigError

T = TypeVar("T")

_SEQUENCES: tuple[Any, ...] = (list, Sequence)
_SETS: tuple[Any, ...] = (frozenset, set, AbstractSet)


class Build(Protocol):
    """How a nested dataclass is made: `build_config`, passed in because it calls `convert`."""

    def __call__(self, cls: type[T], values: Mapping[str, Any], *, where: str) -> T:
        """Make the dataclass."""
        ...


def convert(annotation: Any, value: Any, where: str, build: Build) -> Any:
    """Give the value as the annotation wants it.

    Args:
        annotation: `int`, `float`, `str`, `bool`, `None`, `Any`, `Literal`, a union, `tuple`, `list`, `Sequence`,
            `frozenset`, `dict` or `Mapping` of these, or a dataclass.
        value: a plain value.
        where: the setting's place.
        build: makes nested dataclasses.

    Returns:
        The value; integers become floats and lists become tuples (also for `Sequence`) or sets where that is asked for.

    Raises:
        ConfigError: it does not fit.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any or annotation is object:
        return value
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return value if isinstance(value, annotation) else build(annotation, value, where=where)
    if origin is Literal:
        return _choice(annotation, value, where)
    if origin in (typing.Union, types.UnionType):
        return _first_that_fits(annotation, value, where, build)
    if origin is tuple:
        return _tuple(annotation, value, where, build)
    if origin in _SEQUENCES or origin in _SETS:
        made = [
            convert(arguments[0], each, f"{where}[{i}]", build)
            for i, each in enumerate(_list(annotation, value, where))
        ]
        return made if origin is list else frozenset(made) if origin in _SETS else tuple(made)
    if origin in (dict, Mapping):
        return _mapping(annotation, value, where, build)
    return _scalar(annotation, value, where)


def describe(annotation: Any) -> str:
    """Say in words what an annotation takes.

    >>> describe(tuple[int, ...]), describe(float | None), describe(Literal["a", "b"])
    ('list of int', 'float or null', "'a' or 'b'")
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is None or annotation is type(None):
        return "null"
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(describe, arguments))
    if origin is tuple and Ellipsis not in arguments:
        return f"list of {len(arguments)}: {', '.join(map(describe, arguments))}"
    if origin is tuple or origin in _SEQUENCES or origin in _SETS:
        return f"list of {describe(arguments[0])}"
    if origin in (dict, Mapping) or dataclasses.is_dataclass(annotation):
        return "a mapping"
    return getattr(annotation, "__name__", str(annotation))


def _scalar(annotation: Any, value: Any, where: str) -> Any:
    kind = type(None) if annotation is None else annotation
    if kind is float and type(value) in (int, float) and not math.isnan(value):
        return float(value)
    if type(value) is not kind:  # exact: a bool is an int to isinstance
        raise _misfit(annotation, value, where)
    if kind is float:
        raise _misfit(annotation, value, where)  # NaN, which no setting can mean
    return value


def _choice(annotation: Any, value: Any, where: str) -> Any:
    if not any(type(value) is type(choice) and value == choice for choice in typing.get_args(annotation)):
        raise _misfit(annotation, value, where)
    return value


def _first_that_fits(annotation: Any, value: Any, where: str, build: Build) -> Any:
    """Prefer the member that takes the value as it is over one that converts it."""
    fitting: list[Any] = []
    nested: ConfigError | None = None
    for member in typing.get_args(annotation):
        try:
            fitting.append(convert(member, value, where, build))
        except ConfigError as error:
            if dataclasses.is_dataclass(member) and isinstance(value, Mapping):
                nested = error  # says more than "wrong type"
    if not fitting:
        raise nested or _misfit(annotation, value, where)
    return next((each for each in fitting if type(each) is type(value)), fitting[0])


def _tuple(annotation: Any, value: Any, where: str, build: Build) -> tuple[Any, ...]:
    members = typing.get_args(annotation)
    values = _list(annotation, value, where)
    if members[-1:] == (Ellipsis,):
        members = (members[0],) * len(values)
    if len(members) != len(values):
        raise _misfit(annotation, value, where)
    pairs = enumerate(zip(members, values, strict=True))
    return tuple(convert(member, each, f"{where}[{i}]", build) for i, (member, each) in pairs)


def _mapping(annotation: Any, value: Any, where: str, build: Build) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise _misfit(annotation, value, where)
    key_type, value_type = typing.get_args(annotation)
    return {
        convert(key_type, key, f"{where} (key)", build): convert(value_type, each, f"{where}.{key}", build)
        for key, each in value.items()
    }


def _list(annotation: Any, value: Any, where: str) -> Sequence[Any]:
    if isinstance(value, AbstractSet):
        return sorted(value)
    if not isinstance(value, list | tuple):
        raise _misfit(annotation, value, where)
    return value


def _misfit(annotation: Any, value: Any, where: str) -> ConfigError:
    return ConfigError(
        f"{where}: wrong type of value", expected=describe(annotation), found=f"{value!r} ({type(value).__name__})"
    )
