"""One line of JSON for each thing that happens, on stderr."""

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson


class Log:
    """Writes events.

    Args:
        stream: where to; stderr unless given.
        requests: whether each request is an event; failures are in any case.
    """

    def __init__(self, stream: TextIO | None = None, *, requests: bool = True) -> None:
        self._stream = stream or sys.stderr
        self.requests = requests

    def event(self, event: str, **fields: Any) -> None:
        """Write one; what a client sent is escaped by JSON and cannot begin a line of its own."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = orjson.dumps({"time": now, "event": event} | fields, default=str)
        self._stream.write(line.decode() + "\n")
        self._stream.flush()

    def failure(self, error: BaseException, **fields: Any) -> None:
        """Write an error nobody foresaw, with where it came from."""
        where = "".join(traceback.format_exception(error))
        self.event("failure", error=type(error).__name__, traceback=where, **fields)


class Warnings(logging.Handler):
    """Passes on what the libraries of the server have to say, in the same form.

    Args:
        log: where to.
    """

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record of `logging`."""
        where = "".join(traceback.format_exception(record.exc_info[1])) if record.exc_info else None
        self._log.event("warning", logger=record.name, message=record.getMessage()[:1000], traceback=where)
