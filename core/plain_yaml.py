"""YAML as people expect it: `1e-3` is a number, `no` and `12:30` are text, and a key given twice is an error."""

import re
from typing import Any

import yaml

from unbraid.core.errors import ConfigError

_LEADS = "-+0123456789."
_RESOLVERS = (
    ("tag:yaml.org,2002:null", r"(?:~|null|Null|NULL|)", "~nN\0"),
    ("tag:yaml.org,2002:bool", r"(?:true|True|TRUE|false|False|FALSE)", "tTfF"),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]+", _LEADS),
    ("tag:yaml.org,2002:float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", _LEADS),
    ("tag:yaml.org,2002:float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", _LEADS),
)


class _Loader(yaml.SafeLoader):
    """The safe loader with the scalars of YAML 1.2's core schema instead of those of YAML 1.1."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as the base declares it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is given twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Writes what `_Loader` reads: text that looks like a number to it is quoted."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers

    def ignore_aliases(self, data: object) -> bool:
        return True


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    return int(node.value)  # the inherited constructor reads a leading 0 as octal


_Loader.add_constructor("tag:yaml.org,2002:int", _decimal)
for _tag, _pattern, _first in _RESOLVERS:
    # \0 stands for the empty scalar, which pyyaml files under ''
    firsts = ["" if character == "\0" else character for character in _first]
    _Loader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), firsts)


def read_yaml(text: str, where: str) -> Any:
    """Parse one YAML document.

    Args:
        text: the document.
        where: named in error messages.

    Returns:
        None, booleans, numbers, text, lists and dicts.

    Raises:
        ConfigError: the text is not YAML, has a key twice, or asks for an object.

    >>> read_yaml("{lr: 1e-3, on: no}", "example")
    {'lr': 0.001, 'on': 'no'}
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}, line {mark.line + 1}" if mark else where
        raise ConfigError(
            f"{place}: not valid YAML", expected="YAML of plain values", found=getattr(error, "problem", str(error))
        ) from error


def write_yaml(value: Any) -> str:
    """Write plain values as YAML that `read_yaml` reads back unchanged; keys keep their order.

    >>> write_yaml({"name": "1e3", "lr": 0.001})
    "name: '1e3'\\nlr: 0.001\\n"
    """
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text
