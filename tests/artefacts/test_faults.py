"""Kills and full disks: there is always a valid artefact, and never a silent success."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from unbraid.core.artefacts import atomic_folder, read_json, verify_folder, write_json
from unbraid.core.errors import StorageError

SAVE_LOOP = """
import sys
from pathlib import Path
from unbraid.core.artefacts import atomic_folder, folder, write_json
if sys.argv[2] == "aside":
    folder.exchange = lambda first, second: False  # a file system that cannot swap names
step = 0
while True:
    step += 1
    with atomic_folder(sys.argv[1], kind="checkpoint") as path:
        (path / "weights.bin").write_bytes(bytes([step % 256]) * 300_000)
        write_json(path / "state.json", {"step": step})
"""


def kill_in_a_save_loop(path: Path, how: str, delay: float) -> None:
    child = subprocess.Popen([sys.executable, "-c", SAVE_LOOP, str(path), how])
    try:
        deadline = time.monotonic() + 60
        while not path.exists() and time.monotonic() < deadline:
            assert child.poll() is None
            time.sleep(0.005)
        time.sleep(delay)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()


def check(path: Path) -> None:
    verify_folder(path, kind="checkpoint")
    step = read_json(path / "state.json")["step"]
    assert set((path / "weights.bin").read_bytes()) == {step % 256}, "the files are of different versions"


@pytest.mark.parametrize("attempt", range(6))
def test_killed_while_saving(tmp_path: Path, attempt: int) -> None:
    path = tmp_path / "checkpoint"
    kill_in_a_save_loop(path, "exchange", delay=0.011 * attempt)
    check(path)
    with atomic_folder(path, kind="checkpoint") as folder:
        write_json(folder / "state.json", {"step": 0})
    assert os.listdir(tmp_path) == ["checkpoint"], "what the killed process left was not cleared"


@pytest.mark.parametrize("attempt", range(3))
def test_killed_while_saving_where_names_cannot_be_swapped(tmp_path: Path, attempt: int) -> None:
    path = tmp_path / "checkpoint"
    kill_in_a_save_loop(path, "aside", delay=0.013 * attempt)
    if path.exists():
        check(path)
    with pytest.raises(RuntimeError), atomic_folder(path, kind="checkpoint"):  # brings back what was moved aside
        raise RuntimeError
    check(path)
    assert os.listdir(tmp_path) == ["checkpoint"]


SAVE_TOO_MUCH = """
import resource, sys
from pathlib import Path
import torch
from unbraid.core.artefacts import atomic_folder, write_tensors
from unbraid.core.errors import StorageError
path = Path(sys.argv[1])

def save(rows):
    with atomic_folder(path, kind="head") as folder:
        write_tensors(folder / "model.safetensors", {"weight": torch.ones(rows, 1000)})

def save_plainly():
    with atomic_folder(path, kind="head") as folder:
        (folder / "model.bin").write_bytes(bytes(4_000_000))

save(10)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))  # Python ignores SIGXFSZ: writes give EFBIG
for attempt in (save_plainly, lambda: save(1000)):
    try:
        attempt()
    except StorageError as error:
        assert error.exit_code == 1
        print(error)
    else:
        sys.exit("a save that did not fit was called a success")
"""


def test_file_size_limit(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAVE_TOO_MUCH, str(tmp_path / "head")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.count("EFBIG") == 2 and done.stdout.count("ulimit") == 2
    assert verify_folder(tmp_path / "head")["files"]["model.safetensors"]["bytes"] > 40_000
    assert os.listdir(tmp_path) == ["head"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"no mount is permitted here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def save(path: Path, size: int) -> None:
    with atomic_folder(path, kind="head") as folder:
        (folder / "weights.bin").write_bytes(bytes(size))


def test_disk_full(small_disk: Path) -> None:
    save(small_disk / "head", 300_000)
    with pytest.raises(StorageError, match="ENOSPC") as caught:
        save(small_disk / "head", 2_000_000)
    assert "free on that disk" in str(caught.value) and str(small_disk / "head") in str(caught.value)
    assert verify_folder(small_disk / "head")["files"]["weights.bin"]["bytes"] == 300_000
    assert os.listdir(small_disk) == ["head"]
    save(small_disk / "head", 200_000)


def test_read_only_disk(small_disk: Path) -> None:
    save(small_disk / "head", 1000)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageError, match="EROFS"):
        save(small_disk / "head", 2000)
    assert verify_folder(small_disk / "head")["files"]["weights.bin"]["bytes"] == 1000


def test_no_permission(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become somebody without permission and back")
    save(tmp_path / "head", 1000)
    tmp_path.chmod(0o755)
    parents = [tmp_path.parent, tmp_path.parent.parent]  # pytest's own, private to their owner
    modes = [parent.stat().st_mode for parent in parents]
    for parent in parents:
        parent.chmod(0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(StorageError, match="EACCES") as caught:
            save(tmp_path / "head", 2000)
    finally:
        os.seteuid(0)
        for parent, mode in zip(parents, modes, strict=True):
            parent.chmod(mode)
    assert "permissions" in str(caught.value)
    assert verify_folder(tmp_path / "head")["files"]["weights.bin"]["bytes"] == 1000
    assert os.listdir(tmp_path) == ["head"]
