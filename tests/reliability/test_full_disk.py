"""A disk that fills up in the middle of a fit costs the checkpoint that did not fit, and nothing else."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from zoo_children import fit_head, start, stderr

from unbraid.core.artefacts import read_tensors, verify_folder

STEPS = 30


def fit(out: Path, *arguments: int, expect: int = 0) -> str:
    child = start(fit_head, out, *arguments)
    child.join(120)
    message = stderr(out)
    assert child.exitcode == expect, message
    return message


def checkpoints(out: Path) -> list[Path]:
    found = sorted((out / "run" / "checkpoints").iterdir())
    for path in found:
        verify_folder(path, kind="checkpoint")
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    fit(out, STEPS, 4)
    return out


def assert_same_end(out: Path, whole: Path) -> None:
    for file in ("module", "best", "optimisers"):
        a, b = (read_tensors(checkpoints(run)[-1] / f"{file}.safetensors") for run in (out, whole))
        assert a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
    assert (out / "run" / "metrics.jsonl").read_bytes() == (whole / "run" / "metrics.jsonl").read_bytes()


def test_a_limit_on_file_sizes(tmp_path: Path, whole: Path) -> None:
    fit(tmp_path, 10, 4)
    before = checkpoints(tmp_path)
    message = fit(tmp_path, STEPS, 4, 2000, expect=1)
    assert "EFBIG" in message and "step-000000012" in message and "ulimit -f" in message
    assert checkpoints(tmp_path) == before, "nothing half-written, nothing lost"
    fit(tmp_path, STEPS, 4)
    assert_same_end(tmp_path, whole)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"no mount is permitted here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk(small_disk: Path, whole: Path) -> None:
    fit(small_disk, 10, 4)
    before = checkpoints(small_disk)
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space left"), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    message = fit(small_disk, STEPS, 4, expect=1)
    assert "ENOSPC" in message and "free" in message
    assert checkpoints(small_disk) == before
    ballast.unlink()
    fit(small_disk, STEPS, 4)
    assert_same_end(small_disk, whole)
