"""SIGINT and SIGTERM let the step finish; a second one does not wait."""

import os
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch
from zoo_children import fit_slowly, start, stderr

from unbraid.core.artefacts import read_json, read_tensors, verify_folder


def wait_for_step(out: Path, step: int, child: BaseProcess) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert child.is_alive(), stderr(out)
        text = (out / "alive").read_text() if (out / "alive").exists() else ""
        if text and int(text) >= step:
            return
        time.sleep(0.005)
    pytest.fail("the child did not come to its steps")


def finish(out: Path) -> None:
    child = start(fit_slowly, out, 30, 0)
    child.join(60)
    assert child.exitcode == 0, stderr(out)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    finish(out)
    return out / "checkpoints" / "step-000000030"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_step_and_saves(tmp_path: Path, whole: Path, number: signal.Signals, code: int) -> None:
    child = start(fit_slowly, tmp_path, 30, 0.05)
    wait_for_step(tmp_path, 3, child)
    os.kill(child.pid, number)
    child.join(60)
    message = stderr(tmp_path)
    assert child.exitcode == code, message
    made = int((tmp_path / "alive").read_text())
    (checkpoint,) = (tmp_path / "checkpoints").iterdir()
    verify_folder(checkpoint, kind="checkpoint")
    assert read_json(checkpoint / "state.json")["state"]["step"] == made < 30
    assert f"stopped by {number.name} after step {made}" in message and "--resume" in message
    finish(tmp_path)
    found = read_tensors(tmp_path / "checkpoints" / whole.name / "module.safetensors")
    expected = read_tensors(whole / "module.safetensors")
    assert all(torch.equal(expected[name], tensor) for name, tensor in found.items())
    assert (tmp_path / "metrics.jsonl").read_bytes() == (whole.parent.parent / "metrics.jsonl").read_bytes()


def test_a_second_signal_exits_at_once(tmp_path: Path) -> None:
    child = start(fit_slowly, tmp_path, 3, 60)
    wait_for_step(tmp_path, 1, child)
    os.kill(child.pid, signal.SIGINT)
    time.sleep(0.3)
    assert child.is_alive(), "the first one waits for the step"
    begun = time.monotonic()
    while child.is_alive() and time.monotonic() - begun < 45:  # the step would take a minute
        os.kill(child.pid, signal.SIGINT)  # again, since a busy machine may merge two signals into one
        child.join(1)
    assert child.exitcode not in (None, 0)


def test_handlers_are_given_back() -> None:
    from unbraid.core.training.stop import StopSignal

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(RuntimeError), StopSignal():
        assert signal.getsignal(signal.SIGTERM) is not before[1]
        raise RuntimeError
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
