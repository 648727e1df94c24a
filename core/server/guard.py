"""What every request passes first and every answer last: access, request id, log, metrics."""

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from unbraid.core.errors import RequestError, ServerError
from unbraid.core.server.bearer import Token
from unbraid.core.server.logs import Log
from unbraid.core.server.metrics import OTHER
from unbraid.core.server.replies import problem
from unbraid.core.server.service import Service
from unbraid.core.web.assets import page_files, wants_page

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Callable[[], Awaitable[Message]], Send], Awaitable[None]]

#: Answered without a token: they tell nothing but that a server is there; the page asks for the token itself.
OPEN = frozenset({"/v2/health/live", "/v2/health/ready", *(f"/{name}" for name in page_files())})
#: Names a browser on the same machine has for it.
LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
#: Where a route leaves the name of the model it found, for log and metrics.
MODEL = "unbraid.model"
#: Where the task that answers is found when the client leaves.
TASK = "unbraid.task"
#: Where the id of the request is found.
ID = "unbraid.id"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")


class Guard:
    """Wraps the application, in ASGI.

    Args:
        app: behind it.
        service: whose metrics to keep.
        log: one line a request.
        token: that clients must show; None asks for none.
        local: refuse names of other hosts, with which a page of a stranger's could reach a server without a token.
    """

    def __init__(self, app: App, service: Service, log: Log, token: Token | None, *, local: bool) -> None:
        self._app = app
        self._service = service
        self._log = log
        self._token = token
        self._local = local

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Message]], send: Send
    ) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        headers = _single(scope["headers"])
        request_id = _request_id(headers)
        scope[TASK], scope[ID] = asyncio.current_task(), request_id
        answer = Answer(send, request_id)
        try:
            self._check(scope, headers)
            await self._app(scope, receive, answer.send)
        except (RequestError, ServerError) as error:
            await problem(error)(scope, receive, answer.send)
        except asyncio.CancelledError:
            answer.status = answer.status or 499  # nobody is there to read it; the log shall show it
        except Exception as error:  # noqa: BLE001 - whatever it is, the client got an id and the log gets the rest
            self._log.failure(error, id=request_id)
        self._finish(scope, answer, time.perf_counter() - begun)

    def _check(self, scope: MutableMapping[str, Any], headers: dict[bytes, bytes]) -> None:
        if _is_open(scope["path"], headers):
            return
        if self._token and not self._token.admits(headers.get(b"authorization")):
            raise RequestError(401, "a bearer token is needed")
        if self._local and _host(headers.get(b"host", b"")) not in LOCAL:
            raise RequestError(421, "this server answers to localhost only")
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise RequestError(415, "bodies must come as they are, without Content-Encoding")

    def _finish(self, scope: MutableMapping[str, Any], answer: "Answer", seconds: float) -> None:
        model = scope.get(MODEL, OTHER)
        self._service.metrics.request(model, answer.status, seconds)
        if self._log.requests or answer.status >= 500:
            self._log.event(
                "request",
                id=answer.request_id,
                method=scope["method"],
                path=scope["path"][:200],
                model=model,
                status=answer.status,
                ms=round(1e3 * seconds, 3),
            )


class Answer:
    """The way out: remembers the status and adds the request id."""

    __slots__ = ("_send", "request_id", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 0

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message["headers"],
                (b"x-request-id", self.request_id.encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
        try:
            await self._send(message)
        except RuntimeError as error:
            if "closed" not in str(error):  # what uvloop says of a client that left
                raise
            raise asyncio.CancelledError from None


def _is_open(path: str, headers: dict[bytes, bytes]) -> bool:
    """Tell whether anybody may ask; at `/` a browser gets the page, and programs what is served."""
    return path in OPEN or (path == "/" and wants_page(headers.get(b"accept", b"").decode("latin-1")))


def _single(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Give headers by name; of those that are repeated, all together, so that none slips by."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = found[name] + b"," + value if name in found else value
    return found


def _request_id(headers: dict[bytes, bytes]) -> str:
    given = headers.get(b"x-request-id", b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _host(value: bytes) -> str:
    name, _, port = value.decode("latin-1").lower().rpartition(":")
    return name if name and port.isdecimal() else value.decode("latin-1").lower()
