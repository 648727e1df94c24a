"""The metrics of a run as lines of JSON, and what the run was made with."""

import json
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from unbraid.core.errors import StorageError


class MetricsFile:
    """`metrics.jsonl` of a run folder; without a folder nothing is written.

    Args:
        folder: of the run.
        resumed_at: step the run resumes at; later lines are dropped.
        scheduled: whether a step is due for a line; a line that only the end of an earlier part called for is dropped.
    """

    def __init__(self, folder: Path | None, resumed_at: int, scheduled: Callable[[int], bool]) -> None:
        self._path = folder / "metrics.jsonl" if folder else None
        if self._path and self._path.exists():
            steps = ((_step(line), line) for line in self._path.read_text().splitlines())
            lines = [line for step, line in steps if step is not None and step <= resumed_at and scheduled(step)]
            self._write("".join(f"{line}\n" for line in lines), "w")

    def add(self, record: Mapping[str, Any]) -> None:
        """Append one line."""
        self._write(json.dumps(record) + "\n", "a")

    def _write(self, text: str, mode: str) -> None:
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open(mode) as file:
                file.write(text)
        except OSError as error:
            raise StorageError(
                f"cannot write {self._path}",
                found=str(error),
                hint="free space or choose another folder, then resume from the last checkpoint",
            ) from error


def _step(line: str) -> int | None:
    """Step of a line; a line cut off by a kill belongs to no step."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return None


def environment(device: torch.device) -> dict[str, Any]:
    """What makes a run repeat bit for bit beside its settings: versions, device, threads, flags."""
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cpu_count": os.cpu_count(),
        "tf32": torch.backends.cuda.matmul.allow_tf32,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }
