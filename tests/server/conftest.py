"""A bundle, and real servers of it in processes of their own."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import numpy as np
import pytest

import unbraid
from unbraid.core.serving import Bundle

TOYS = Path(__file__).parents[1] / "bundle" / "conftest.py"
#: Short, so that the tests of what is too slow or too large are quick.
LIMITS = {"body_bytes": 4_000_000, "body_seconds": 1.5, "header_seconds": 1.5, "elements": 500_000}


class Served:
    """`unbraid serve` in a process."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None, code: str | None = None) -> None:
        command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "unbraid"]
        self.process = subprocess.Popen(
            [*command, "serve", *arguments, "--port", "0"],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "error::ResourceWarning", **(environment or {})},
        )
        self.log: list[str] = []
        self.listening = self._first_event()
        self.url: str = self.listening["url"]
        self.port = int(self.url.rpartition(":")[2])
        # Nobody else reads the pipe, and a full one would stop the server.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _first_event(self) -> dict:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if line.startswith("{") and json.loads(line)["event"] == "listening":
                return json.loads(line)
        raise AssertionError("".join(self.log))

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            self.log.extend(lines)

    def events(self, name: str) -> list[dict]:
        return [found for line in self.log if line.startswith("{") and (found := json.loads(line))["event"] == name]

    def memory(self) -> int:
        """Resident bytes."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(30)
        self._reader.join(10)
        return code


@pytest.fixture(scope="session")
def toys() -> ModuleType:
    """Models that can do everything: images 1 x 8 x 8, latents of 8."""
    spec = importlib.util.spec_from_file_location("toys_of_the_server", TOYS)
    assert spec is not None and spec.loader is not None
    toys = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(toys)
    return toys


@pytest.fixture(scope="session")
def letters(toys: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of one."""
    path: Path = toys.make_model().export(tmp_path_factory.mktemp("served") / "letters").path
    return path


@pytest.fixture(scope="session")
def bundle(letters: Path) -> Bundle:
    return unbraid.load_bundle(letters)


@pytest.fixture(scope="session")
def server(letters: Path) -> Iterator[Served]:
    limits = [f"--limit={name}={value}" for name, value in LIMITS.items()]
    served = Served(str(letters), "--workers", "2", *limits)
    yield served
    assert served.stop() == 0
    assert [event["traceback"] for event in served.events("failure")] == []
    assert [line for line in served.log if not line.startswith("{")] == []


@pytest.fixture(scope="session")
def http(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((3, 1, 8, 8), np.float32)


@pytest.fixture
def latents() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((2, 8)).astype(np.float32)


@pytest.fixture(scope="session")
def serve() -> type[Served]:
    return Served
