"""Reading the body of a request, counted byte by byte and against the clock."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from unbraid.core.errors import RequestError, ServerError
from unbraid.core.server.limits import Limits

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Buffers:
    """How many bytes of bodies are held at this moment, over all requests."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.held = 0

    async def read(self, receive: Receive, declared: str | None) -> bytes:
        """Read a body; whoever reads it calls `release` with its size when done.

        Args:
            receive: ASGI's.
            declared: the header `content-length`; what really comes is counted all the same.

        Raises:
            RequestError: 413 too large, 408 too slow.
            ServerError: 503, too many bodies are held.
            CancelledError: the client left.
        """
        if declared is not None and declared.isdecimal() and int(declared[:20]) > self._limits.body_bytes:
            raise self._too_large()
        chunks: list[bytes] = []
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                await self._collect(receive, chunks)
        except BaseException as error:
            self.release(sum(map(len, chunks)))
            if isinstance(error, TimeoutError):
                raise RequestError(408, "the body did not arrive in time") from None
            raise
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _collect(self, receive: Receive, chunks: list[bytes]) -> None:
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise asyncio.CancelledError  # the client left; there is nobody to answer
            chunk = message.get("body", b"")
            size += len(chunk)
            self.held += len(chunk)
            chunks.append(chunk)
            if size > self._limits.body_bytes:
                raise self._too_large()
            if self.held > self._limits.buffered_bytes:
                raise ServerError(503, "too many bytes of requests are held at once")
            more = message.get("more_body", False)

    def release(self, size: int) -> None:
        """Say that a body of this size is let go."""
        self.held -= size

    def _too_large(self) -> RequestError:
        return RequestError(413, f"a request may have {self._limits.body_bytes} bytes")
