"""JSON of a client, parsed within limits."""

import json
import re
from collections import Counter
from typing import Any

import orjson

from unbraid.core.errors import RequestError
from unbraid.core.server.limits import Limits

_KEY = re.compile(rb'"\s*:')


def parse_object(text: memoryview, limits: Limits) -> dict[str, Any]:
    """Parse a JSON object.

    orjson takes UTF-8 without a mark only, refuses `NaN`, `Infinity`, numbers beyond double precision and lone
    surrogates, and stops at a depth of 1024.

    Raises:
        RequestError: 400 for what is no JSON object or names a key twice, 413 for too many values.
    """
    raw = bytes(text)
    if raw.count(b",") > limits.elements + 1024:
        raise RequestError(413, f"at most {limits.elements} numbers in a request")
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise RequestError(400, "the body must be a JSON object in UTF-8, without NaN or Infinity") from None
    if not isinstance(found, dict):
        raise RequestError(400, "the body must be a JSON object in UTF-8, without NaN or Infinity")
    _refuse_repeated_keys(raw, found)
    return found


def _refuse_repeated_keys(raw: bytes, found: dict[str, Any]) -> None:
    """Two readers may take different ones of two equal keys; orjson takes the last in silence.

    Every key is followed by a colon, so as many of them as keys means none was lost. More of them may also come from
    texts, which only a slower parser can tell.
    """
    try:
        if len(_KEY.findall(raw)) != _keys(found):
            json.loads(raw, object_pairs_hook=_unique)
    except RecursionError:
        raise RequestError(400, "the JSON is nested too deeply") from None


def _keys(value: Any) -> int:
    """Count the keys of nested objects; lists of numbers, which are most of a request, are passed by."""
    if isinstance(value, dict):
        return len(value) + sum(map(_keys, value.values()))
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return sum(map(_keys, value))
    return 0


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if any(count > 1 for count in Counter(key for key, _ in pairs).values()):
        raise RequestError(400, "a key stands twice in the same JSON object")
    return dict(pairs)
