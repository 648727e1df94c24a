"""One connection to a server for each thread, opened again when it broke."""

import http.client
import json
import threading
from typing import Any
from urllib.parse import urlsplit

from unbraid.core.errors import ConfigError, RequestError, ServerError


class Connection:
    """Sends requests and makes errors of refusals.

    Args:
        url: of the server.
        token: bearer token, or None.
        timeout: seconds to wait for an answer.

    Raises:
        ConfigError: the address is none.
    """

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        self._parts = urlsplit(url)
        if self._parts.scheme not in ("http", "https") or not self._parts.hostname:
            raise ConfigError("no address of a server", expected="http://host:port", found=repr(url))
        self._timeout = timeout
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._threads = threading.local()

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[bytes, http.client.HTTPMessage]:
        """Send one request; gives body and headers of the answer.

        Raises:
            RequestError: the server refused it.
            ServerError: the server failed, is busy, or there is none.
        """
        given = self._headers | {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            answer, content = self._exchange(method, self._parts.path.rstrip("/") + path, body, given)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            where = f"{self._parts.scheme}://{self._parts.netloc}"
            raise ServerError(0, f"no answer from {where}: {error}", hint="unbraid serve BUNDLE") from error
        if answer.status >= 400:
            raise _refused(answer.status, content)
        return content, answer.headers

    def close(self) -> None:
        """Close the connection of this thread."""
        connection = getattr(self._threads, "connection", None)
        if connection is not None:
            connection.close()
            self._threads.connection = None

    def _exchange(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        reused = getattr(self._threads, "connection", None) is not None
        try:
            return self._once(method, path, body, headers)
        except (ConnectionError, http.client.RemoteDisconnected):
            if not reused:
                raise
        self.close()  # the server had closed it since the last request
        return self._once(method, path, body, headers)

    def _once(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        if getattr(self._threads, "connection", None) is None:
            kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
            assert self._parts.hostname is not None
            self._threads.connection = kind(self._parts.hostname, self._parts.port, timeout=self._timeout)
        connection: http.client.HTTPConnection = self._threads.connection
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer, answer.read()


def _refused(status: int, content: bytes) -> RequestError | ServerError:
    try:
        found: Any = json.loads(content)
        text = str(found["error"])
    except (ValueError, KeyError, TypeError):
        text = f"the server answered with status {status}"
    hint = "give the client the token of the server: Client(url, token=...)" if status == 401 else None
    return ServerError(status, text) if status >= 500 else RequestError(status, text, hint=hint)
