"""Strict reading of settings into frozen dataclasses, and back."""

import dataclasses
import difflib
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from unbraid.core.config_types import convert, describe
from unbraid.core.errors import ConfigError
from unbraid.core.plain_yaml import read_yaml

T = TypeVar("T")


def build_config(cls: type[T], values: Mapping[str, Any], *, where: str) -> T:
    """Make a config dataclass from settings; nothing is guessed and nothing ignored.

    An integer may stand for a float and a list for a tuple; a boolean never stands for a number, nor text for anything
    but text. Nested dataclasses take mappings.

    Args:
        cls: a dataclass.
        values: field -> value, as YAML or JSON give them.
        where: the setting's place, named in messages (`method`).

    Returns:
        The config.

    Raises:
        ConfigError: a key is unknown or missing, a value of the wrong type, or the config refuses it.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Example:
    ...     gamma: float = 1.0
    >>> build_config(Example, {"gamma": 2}, where="method")
    Example(gamma=2.0)
    >>> build_config(Example, {"gama": 2}, where="method")
    Traceback (most recent call last):
    unbraid.core.errors.ConfigError: method: unknown setting 'gama'
      expected: one of gamma
      found:    'gama'
      try:      did you mean 'gamma'?
    """
    if not isinstance(values, Mapping):
        raise ConfigError(
            f"{where}: settings are malformed", expected="a mapping of names to values", found=repr(values)
        )
    fields = settings_of(cls)
    check_keys(values, fields, where=where)
    hints = typing.get_type_hints(cls)
    arguments = {name: convert(hints[name], value, f"{where}.{name}", build_config) for name, value in values.items()}
    missing = [name for name, field in fields.items() if _required(field) and name not in arguments]
    if missing:
        name = missing[0]
        raise ConfigError(
            f"{where}: setting {name!r} is missing", expected=f"{name}: {describe(hints[name])}", found="no value"
        )
    return _construct(cls, arguments, where)


def settings_of(cls: type) -> dict[str, "dataclasses.Field[Any]"]:
    """Give the fields of a config dataclass that can be set, by name."""
    return {field.name: field for field in dataclasses.fields(cls) if field.init}


def check_keys(values: Iterable[str], known: Iterable[str], *, where: str, what: str = "setting") -> None:
    """Raise `ConfigError` with near matches where a key is not among the known ones."""
    known = list(known)
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=3, cutoff=0.5)
            raise ConfigError(
                f"{where}: unknown {what} {key!r}",
                expected=f"one of {', '.join(known)}" if known else f"no {what}s",
                found=repr(key),
                hint=f"did you mean {' or '.join(map(repr, near))}?" if near else None,
            )


def check_range(where: str, holds: bool, name: str, expected: str, found: object) -> None:
    """Raise `ConfigError` where a setting is out of range.

    Args:
        where: whose setting, named in the message.
        holds: whether the value will do.
        name: of the setting.
        expected, found: what would do, and what there is.

    >>> check_range("vae", -1.0 > 0, "lr", "> 0", -1.0)
    Traceback (most recent call last):
    unbraid.core.errors.ConfigError: vae: lr is out of range
      expected: > 0
      found:    -1.0
    """
    if not holds:
        raise ConfigError(f"{where}: {name} is out of range", expected=expected, found=found)


def config_to_dict(config: object) -> dict[str, Any]:
    """Turn a config dataclass into JSON values; `build_config` turns them back into an equal config.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Example:
    ...     widths: tuple[int, ...] = (4, 2)
    >>> config_to_dict(Example())
    {'widths': [4, 2]}
    """
    if not dataclasses.is_dataclass(config) or isinstance(config, type):
        raise ConfigError("a config must be a dataclass instance", expected="a dataclass instance", found=repr(config))
    return {name: _plain(getattr(config, name)) for name in settings_of(type(config))}


def parse_assignment(text: str) -> tuple[tuple[str, ...], Any]:
    """Read what follows `--set`: a dotted path, `=`, and a YAML value.

    Raises:
        ConfigError: there is no `=`, an empty name in the path, or the value is not YAML.

    >>> parse_assignment("method.gamma=1")
    (('method', 'gamma'), 1)
    """
    path, equals, value = text.partition("=")
    names = tuple(name.strip() for name in path.split("."))
    if not equals or not all(names):
        raise ConfigError("an assignment is malformed", expected="section.name=value", found=repr(text))
    return names, read_yaml(value, f"--set {path}")


def _required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _construct(cls: type[T], arguments: Mapping[str, Any], where: str) -> T:
    try:
        return cls(**arguments)
    except (ValueError, TypeError) as error:  # what a config class of another author raises from __post_init__
        raise ConfigError(f"{where}: {error}", found=dict(arguments)) from error


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return config_to_dict(value)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, frozenset | set):
        return sorted(_plain(each) for each in value)
    return value
