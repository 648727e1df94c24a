"""What FastAPI cannot read off a function: parameters, bodies and answers of the routes."""

from collections.abc import Iterable, Mapping
from typing import Any

from unbraid.core.server.models import VERSION

JSON = "application/json"
_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_STATUSES = {
    400: "The request is malformed or does not fit the model.",
    401: "No token, or a wrong one.",
    404: "There is no such model.",
    405: "Not with this method.",
    408: "The body did not arrive in time.",
    413: "Beyond a limit.",
    415: "A kind of content this does not take.",
    421: "Asked by another name than localhost.",
    500: "The server failed; the log has more under the request id.",
    503: "Busy; try again.",
    504: "The model did not answer in time.",
}


def responses(*statuses: int, kind: str = JSON, schema: Mapping[str, Any] | None = None) -> dict[int | str, Any]:
    """Describe the answers of a route: 200 of a kind, errors of these statuses."""
    good = {"description": "The answer.", "content": {kind: {"schema": dict(schema or {"type": "object"})}}}
    errors: dict[int | str, Any] = {
        s: {"description": _STATUSES[s], "content": {JSON: {"schema": _ERROR}}} for s in statuses
    }
    return errors | {200: good}


def path_parameters(models: Iterable[str] = (), *, version: bool = False) -> list[dict[str, Any]]:
    """Describe `{model}` and `{version}` of a path."""
    found: dict[str, list[str]] = {"model": list(models)} | ({"version": [VERSION]} if version else {})
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "enum": values}}
        for name, values in found.items()
        if values
    ]


def body(*kinds: str, schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Describe the body of a route."""
    return {"required": True, "content": {kind: {"schema": dict(schema or {"type": "object"})} for kind in kinds}}
