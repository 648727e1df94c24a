"""Answers."""

from collections.abc import Mapping

import orjson
from starlette.responses import Response

from unbraid.core.errors import RequestError, ServerError

#: Statuses after which it pays to come back, and when.
_RETRY = {503: "1"}


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON; NaN and infinity, which JSON has no words for, never come this far."""
    body = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, headers=dict(headers or {}), media_type="application/json")


def problem(error: RequestError | ServerError) -> Response:
    """Answer with an error, as the protocol writes them."""
    headers = {}
    if error.status in _RETRY:
        headers["retry-after"] = _RETRY[error.status]
    if error.status == 408:
        headers["connection"] = "close"  # the rest of the body may still come, or never
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    return json_reply({"error": error.problem}, error.status, headers)
