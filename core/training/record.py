"""The metrics of a run as lines of JSON, and what the run was made with."""

import json
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from unbraid.core.artefacts import atomic_file
from unbraid.core.errors import StorageError


class MetricsFile:
    """`metrics.jsonl` of a run folder; without a folder nothing is written.

    Args:
        folder: of the run.
        resumed_at: step the run resumes at; later lines are dropped.
        due: whether the settings call for a line; one that only the end of an earlier part called for is dropped.
    """

    def __init__(self, folder: Path | None, resumed_at: int, due: Callable[[Mapping[str, Any]], bool]) -> None:
        self._path = folder / "metrics.jsonl" if folder else None
        if self._path and self._path.exists():
            records = [record for line in self._path.read_text().splitlines() if (record := _record(line))]
            kept = [record for record in records if record["step"] <= resumed_at and due(record)]
            with atomic_file(self._path) as temporary:
                temporary.write_text("".join(json.dumps(record) + "\n" for record in kept))

    def add(self, record: Mapping[str, Any]) -> None:
        """Append one line."""
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise StorageError(
                f"cannot write {self._path}",
                found=str(error),
                hint="free space or choose another folder, then resume from the last checkpoint",
            ) from error


def _record(line: str) -> dict[str, Any] | None:
    """Read a line; one that a kill cut off is none."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("step"), int) else None


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
