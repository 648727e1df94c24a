"""YAML scalars mean what people think they mean."""

from typing import Any

import pytest
import yaml

from unbraid.core.errors import ConfigError
from unbraid.core.plain_yaml import read_yaml, write_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1.5E+2", 150.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("010", 10),
        ("-7", -7),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("[1, 2.0, x]", [1, 2.0, "x"]),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    found = read_yaml(text, "test")
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        {"a": "no", "b": "1e-3", "c": 1e-3, "d": None, "e": [True, "true", "~", ""], "f": {"g": 10}},
        {"z": 1, "a": "2024-01-01", "unicode": "ÿ", "lines": "a\nb", "tiny": 1e-30, "big": 1e22, "whole": 2.0},
        [[1, 2], [1, 2]],
    ],
)
def test_what_is_written_reads_back(value: Any) -> None:
    text = write_yaml(value)
    assert read_yaml(text, "test") == value
    assert [type(v) for v in _leaves(read_yaml(text, "test"))] == [type(v) for v in _leaves(value)]


def test_a_plain_reader_sees_the_same_unless_the_old_rules_differ() -> None:
    value = {"a": 1, "b": [1.5, "text", None, True]}
    assert yaml.safe_load(write_yaml(value)) == value


@pytest.mark.parametrize(
    "text", ["a: [1", "a: 1\na: 2", "!!python/object/apply:os.system ['true']", "a: 1\n---\nb: 2", "{a: {b: 1, b: 2}}"]
)
def test_what_is_not_plain_yaml_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ConfigError, match=r"recipe\.yaml, line \d") as caught:
        read_yaml(text, "recipe.yaml")
    assert caught.value.found


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in _leaves(each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in _leaves(each)]
    return [value]
