"""The configuration: a frozen dataclass that files can hold."""

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any

from unbraid.core.config import build_config, config_to_dict, settings_of
from unbraid.core.errors import ConfigError
from unbraid.registry import import_target
from unbraid.registry.conformance.case import PluginCase
from unbraid.registry.conformance.check import KINDS, Skip, check, require


@check("config", *KINDS, once=True)
def frozen(case: PluginCase) -> None:
    """The config is a frozen dataclass.

    Breaks: a head says in its file what it was trained with; a config that changes later makes that a lie.

    Mend: `@dataclass(frozen=True, slots=True, kw_only=True)`.
    """
    cls = _class(case)
    require(dataclasses.is_dataclass(cls), "the config is no dataclass", expected="a frozen dataclass", found=cls)
    parameters = getattr(cls, "__dataclass_params__", None)
    require(getattr(parameters, "frozen", False), "the config can be changed", expected="frozen=True", found="False")


@check("config", *KINDS, once=True)
def round_trips(case: PluginCase) -> None:
    """A config written as JSON and read again is an equal config, the settings and every preset included.

    Breaks: a saved head comes back with other settings than it was trained with, or not at all.

    Mend: use numbers, texts, tuples and nested dataclasses as fields, and let `__post_init__` change nothing.
    """
    cls = _class(case)
    if not dataclasses.is_dataclass(cls):
        raise Skip("is no dataclass")
    chosen: list[dict[str, Any]] = [case.settings, *map(dict, getattr(case.spec, "presets", {}).values())]
    for values in chosen:
        config = _made(cls, values)
        again = build_config(cls, json.loads(json.dumps(config_to_dict(config))), where="config")
        require(again == config, "a config is another one after JSON", expected=config, found=again)


@check("config", *KINDS, once=True)
def documented(case: PluginCase) -> None:
    """The docstring of the config names every field.

    Breaks: users meet settings in recipes and `--set` whose meaning and range they can only guess.

    Mend: a line for each field under `Args:` in the docstring of the class.
    """
    cls = _class(case)
    # a base class documents its own fields; what dataclass writes where there is no docstring is none
    texts = [base.__doc__ or "" for base in cls.__mro__ if not (base.__doc__ or "").startswith(f"{base.__name__}(")]
    named = set(re.findall(r"\w+", " ".join(texts)))
    missing = [name for name in settings_of(cls) if name not in named] if dataclasses.is_dataclass(cls) else []
    require(not missing, "settings are not documented", expected="all of them", found=f"not {', '.join(missing)}")


def _class(case: PluginCase) -> type:
    if case.spec.config is None:
        raise Skip("has nothing to set")
    found: type = import_target(case.entry, case.spec.config)
    return found


def _made(cls: type, values: Mapping[str, Any]) -> Any:
    try:
        return build_config(cls, values, where="config")
    except ConfigError as error:
        raise Skip(f"makes no config: {error.problem}") from error
