"""Runs side by side, in processes that do not outlive this one."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import Empty, SimpleQueue

from unbraid.core.comparison.run import Run
from unbraid.core.comparison.worker import DONE
from unbraid.core.errors import Interrupted

Process = subprocess.Popen[str]
#: Called with a finished run and the error it ended with, or an empty text.
Report = Callable[[Run, str], None]


def run_in_processes(out: Path, runs: Sequence[Run], jobs: int, report: Report) -> dict[Run, str]:
    """Perform runs of one comparison, `jobs` at a time; its folder holds `recipe.yaml` and the latents.

    Args:
        out: folder of the comparison.
        runs: what is to be done, in this order.
        jobs: processes at a time.
        report: told of every finished run, from any thread.

    Returns:
        The error each run ended with, or an empty text.

    Raises:
        Interrupted: Ctrl-C; the processes finished their step and saved.
    """
    waiting: SimpleQueue[Run] = SimpleQueue()
    for run in runs:
        waiting.put(run)
    errors: dict[Run, str] = {}
    workers = [_start(out) for _ in range(min(jobs, len(runs)))]
    with ThreadPoolExecutor(max(1, len(workers))) as threads:
        attending = [threads.submit(_attend, worker, waiting, errors, report) for worker in workers]
        try:
            for done in as_completed(attending):
                done.result()
        except KeyboardInterrupt as error:
            _drain(waiting)
            for worker in workers:
                worker.terminate()
            raise Interrupted(
                "the comparison was stopped; what was under way is saved",
                checkpoint=None,
                hint="run the same command again to go on",
            ) from error
    return errors


def _attend(worker: Process, waiting: "SimpleQueue[Run]", errors: dict[Run, str], report: Report) -> None:
    """Give a worker one run after the other, until there are none or it ends."""
    assert worker.stdin is not None and worker.stdout is not None
    with worker:
        while (run := _next(waiting)) is not None:
            answer = _ask(worker, f"{run.label} {run.seed}")
            errors[run] = f"its process ended with exit code {worker.wait()}" if answer is None else answer
            report(run, errors[run])
            if worker.poll() is not None:
                return
        _ask(worker, DONE)


def _ask(worker: Process, line: str) -> str | None:
    """Send a line and wait for the answer; None where the worker ended without one."""
    assert worker.stdin is not None and worker.stdout is not None
    try:
        worker.stdin.write(line + "\n")
        worker.stdin.flush()
        answer = worker.stdout.readline()
    except BrokenPipeError:
        return None
    return str(json.loads(answer)) if answer else None


def _next(waiting: "SimpleQueue[Run]") -> Run | None:
    try:
        return waiting.get_nowait()
    except Empty:
        return None


def _drain(waiting: "SimpleQueue[Run]") -> None:
    while _next(waiting) is not None:
        pass


def _start(out: Path) -> Process:
    """Start a worker. It reads from a pipe, by whose end it knows that this process ended."""
    return subprocess.Popen(
        [sys.executable, "-m", "unbraid.core.comparison.worker", str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches this process alone, which then asks its workers to stop
    )
