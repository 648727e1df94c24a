"""Settings are read strictly, and come back as they went in."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from unbraid.core.config import build_config, config_to_dict, parse_assignment
from unbraid.core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Inner:
    depth: int = 2
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outer:
    rate: float
    count: int = 1
    on: bool = False
    mode: Literal["mean", "sample"] = "mean"
    limit: int | None = None
    pair: tuple[float, float] = (0.9, 0.999)
    inner: Inner = field(default_factory=Inner)
    maybe: Inner | None = None
    table: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    steps: Sequence[int] = ()
    tags: frozenset[str] = frozenset()
    either: int | str = 0
    anything: Any = None
    derived: int = field(init=False, default=7)

    def __post_init__(self) -> None:
        if self.count > 100:
            raise ValueError("count is too large")


FULL = {
    "rate": 2,
    "count": 3,
    "on": True,
    "mode": "sample",
    "limit": 5,
    "pair": [1, 0.5],
    "inner": {"depth": 4, "names": ["a", "b"]},
    "maybe": {"depth": 1},
    "table": {"x": [1, 2]},
    "steps": [3, 4],
    "tags": ["q", "p"],
    "either": "text",
    "anything": [1, {"z": None}],
}


def test_every_kind_of_value_arrives_in_its_declared_type() -> None:
    made = build_config(Outer, FULL, where="method")
    assert (made.rate, type(made.rate)) == (2.0, float)
    assert made.pair == (1.0, 0.5) and all(type(each) is float for each in made.pair)
    assert made.inner == Inner(depth=4, names=("a", "b")) and made.maybe == Inner(depth=1)
    assert made.table == {"x": (1, 2)} and made.tags == {"p", "q"} and made.either == "text"


def test_round_trip_through_json_is_identity() -> None:
    for values in (FULL, {"rate": 1e-3}):
        made = build_config(Outer, values, where="method")
        stored = config_to_dict(made)
        assert build_config(Outer, json.loads(json.dumps(stored)), where="method") == made
        assert config_to_dict(build_config(Outer, stored, where="method")) == stored


@pytest.mark.parametrize(
    ("change", "place", "expected"),
    [
        ({"count": True}, "method.count", "int"),
        ({"count": 1.0}, "method.count", "int"),
        ({"count": "1"}, "method.count", "int"),
        ({"rate": "1e-3"}, "method.rate", "float"),
        ({"rate": True}, "method.rate", "float"),
        ({"rate": float("nan")}, "method.rate", "float"),
        ({"on": 1}, "method.on", "bool"),
        ({"mode": "median"}, "method.mode", "'mean' or 'sample'"),
        ({"limit": 1.5}, "method.limit", "int or null"),
        ({"pair": [0.9]}, "method.pair", "list of 2: float, float"),
        ({"pair": [0.9, "x"]}, "method.pair[1]", "float"),
        ({"pair": "ab"}, "method.pair", "list of 2"),
        ({"inner": 3}, "method.inner", "a mapping"),
        ({"inner": {"depth": None}}, "method.inner.depth", "int"),
        ({"maybe": {"depth": "x"}}, "method.maybe.depth", "int"),
        ({"table": {"x": 1}}, "method.table.x", "list of int"),
        ({"steps": [1, True]}, "method.steps[1]", "int"),
        ({"either": 1.5}, "method.either", "int or str"),
    ],
)
def test_a_value_of_the_wrong_type_names_place_expected_and_found(
    change: dict[str, Any], place: str, expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        build_config(Outer, {"rate": 1.0, **change}, where="method")
    assert caught.value.problem.startswith(f"{place}:")
    assert expected in str(caught.value.expected)
    assert caught.value.found is not None


def test_unknown_keys_at_any_level_come_with_near_matches() -> None:
    for values, near in (({"rate": 1, "cuont": 2}, "count"), ({"rate": 1, "inner": {"dpeth": 2}}, "depth")):
        with pytest.raises(ConfigError, match="unknown setting") as caught:
            build_config(Outer, values, where="method")
        assert near in str(caught.value.hint)
        assert near in str(caught.value.expected)


def test_fields_that_are_not_arguments_are_unknown() -> None:
    with pytest.raises(ConfigError, match="unknown setting 'derived'"):
        build_config(Outer, {"rate": 1, "derived": 2}, where="method")


def test_a_missing_setting_is_named_with_its_type() -> None:
    with pytest.raises(ConfigError, match="'rate' is missing") as caught:
        build_config(Outer, {}, where="method")
    assert "float" in str(caught.value.expected)


def test_settings_must_be_a_mapping() -> None:
    with pytest.raises(ConfigError, match="mapping"):
        build_config(Outer, ["rate"], where="method")  # type: ignore[arg-type]


def test_what_a_config_refuses_is_a_config_error_of_its_place() -> None:
    with pytest.raises(ConfigError, match="method: count is too large"):
        build_config(Outer, {"rate": 1, "count": 101}, where="method")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("method.gamma=1", (("method", "gamma"), 1)),
        ("a.b.c=1e-3", (("a", "b", "c"), 0.001)),
        ("a=[1, 2]", (("a",), [1, 2])),
        ("a=x=y", (("a",), "x=y")),
        ("a=", (("a",), None)),
        ("a=true", (("a",), True)),
        ("a='1'", (("a",), "1")),
    ],
)
def test_assignments(text: str, expected: tuple[tuple[str, ...], Any]) -> None:
    assert parse_assignment(text) == expected


@pytest.mark.parametrize("text", ["method.gamma", "=1", "a..b=1", ".a=1", "a=[1"])
def test_malformed_assignments(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_assignment(text)
    assert caught.value.exit_code == 2
