"""Looking at the page the way its tests do."""

import functools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

#: Seconds a machine with other work may take.
PATIENCE = 60


@dataclass(frozen=True)
class Served:
    """A folder behind a plain file server."""

    folder: Path
    address: str


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...


def serve(folder: Path) -> Iterator[Served]:
    """Serve a folder for the turn of a loop or the life of a fixture."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Served(folder, f"http://127.0.0.1:{server.server_port}/")
    server.shutdown()
    server.server_close()
    thread.join()


class Visit:
    """An open page with what it asked for and what went wrong."""

    def __init__(self, browser: Any, address: str, width: int = 1100, height: int = 900) -> None:
        self.address = address
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.page.set_default_timeout(1000 * PATIENCE)
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self.problems.append(request.url))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        self.page.goto(address)

    def ready(self) -> "Visit":
        """Wait until everything is drawn."""
        done = self.page.locator("#status").filter(has_text="Ready.")
        failed = self.page.locator("#failure:not([hidden])")
        done.or_(failed).wait_for()
        assert not failed.is_visible(), failed.inner_text()
        return self

    def pixels(self, selector: str) -> np.ndarray:
        """Give what a canvas shows, `(H, W, 3)`."""
        script = """canvas => {
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return {data: Array.from(data), width: canvas.width, height: canvas.height};
        }"""
        found = self.page.locator(selector).evaluate(script)
        return np.array(found["data"], np.uint8).reshape(found["height"], found["width"], 4)[..., :3]

    def shows(self, selector: str, picture: np.ndarray) -> None:
        """Wait until a canvas shows a picture `(C, H, W)` in [0, 1], to one step of its 256."""
        expected = np.rint(picture * 255).transpose(1, 2, 0).repeat(3 // len(picture), axis=2)
        found = np.zeros_like(expected)

        def agree() -> bool:
            nonlocal found
            found = self.pixels(selector)
            return found.shape == expected.shape and bool(np.abs(found - expected).max() <= 1)

        settle(agree, lambda: f"{selector} is off by {np.abs(found - expected).max()}")

    def close(self) -> None:
        """Leave, having asked nobody else for anything and met no error."""
        self.page.close()
        assert self.requests and all(url.startswith((self.address, "data:")) for url in self.requests)
        assert self.problems == []


def settle(true: Callable[[], bool], problem: Callable[[], str]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, problem()
        time.sleep(0.05)
