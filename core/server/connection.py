"""Connections: limits on headers and idle time that uvicorn does not have of its own."""

import asyncio

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from unbraid.core.server.guard import TASK
from unbraid.core.server.limits import Limits

_REFUSALS = {
    400: b"400 Bad Request\r\n",
    431: b"431 Request Header Fields Too Large\r\n",
    503: b"503 Service Unavailable\r\nretry-after: 1\r\n",
}


class TooLarge(Exception):
    """The headers go beyond a limit; the parser stops at it."""


class Flow(FlowControl):
    """Does not ask a closed connection for more, which uvloop takes amiss."""

    def resume_reading(self) -> None:
        """Go on reading."""
        if not self._transport.is_closing():
            super().resume_reading()


class Connection(HttpToolsProtocol):
    """One connection of a client.

    Headers must be complete in `header_seconds` and within their limits; what is written must be taken in as long;
    and when a client leaves, the task that works for it is cancelled.
    """

    limits = Limits()
    _timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _in_headers = False
    _header_bytes = 0

    @classmethod
    def limited(cls, limits: Limits) -> type["Connection"]:
        """Give the class with these limits; uvicorn makes the objects."""
        return type("Connection", (cls,), {"limits": limits})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many."""
        super().connection_made(transport)
        self.flow = Flow(transport)
        if len(self.connections) > self.limits.connections:
            self._refuse(503)
        else:
            self._expect_headers()

    def data_received(self, data: bytes) -> None:
        """Take bytes; whatever comes between two requests starts the clock of the next."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self._expect_headers()
        more_headers = self._in_headers
        super().data_received(data)
        # A header that never ends is held by the parser and not told of: count what it was fed.
        if more_headers and self._in_headers and not self.transport.is_closing():
            self._header_bytes += len(data)
            if self._header_bytes > self.limits.header_bytes:
                self._refuse(431)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, or too much of it; the parser has stopped."""
        self._refuse(431 if self._too_large() else 400)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_headers, self._header_bytes = True, 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the request line."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        super().on_header(name, value)
        self._count(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        """Stop the clock and let the request be answered."""
        self._in_headers = False
        self._stop_timer()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Wait for a client that does not read what it asked for, but not for ever."""
        super().pause_writing()
        loop = asyncio.get_running_loop()
        self._write_timer = loop.call_later(self.limits.header_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        self._stop_write_timer()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop working for nobody."""
        self._stop_timer()
        self._stop_write_timer()
        cycle = self.cycle
        unanswered = cycle is not None and not cycle.response_complete
        super().connection_lost(exc)
        task = cycle.scope.get(TASK) if unanswered else None
        if isinstance(task, asyncio.Task):
            task.cancel()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _expect_headers(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.limits.header_seconds, self.transport.abort)

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._too_large():
            raise TooLarge

    def _too_large(self) -> bool:
        return self._header_bytes > self.limits.header_bytes or len(self.headers or ()) > self.limits.header_count

    def _refuse(self, status: int) -> None:
        """Answer without the application, and close."""
        rest = b"content-length: 0\r\nconnection: close\r\n\r\n"
        self.transport.write(b"HTTP/1.1 " + _REFUSALS[status] + rest)
        self.transport.close()
