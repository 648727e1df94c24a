"""Runs graphs on a few threads; what waits for a thread meanwhile goes together into one batch."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
import onnxruntime as ort

from unbraid.core.errors import ServerError
from unbraid.core.server.models import Tensors
from unbraid.core.server.tensors import Tensor
from unbraid.core.serving import Bundle

#: Told of every batch: graph name, requests and rows in it.
Observer = Callable[[str, int, int], None]
#: Seconds a graph may keep the event loop from other requests.
QUICK = 0.0002


class Job:
    """A request's rows for one graph, and the future of what comes out."""

    __slots__ = ("alone", "bundle", "future", "graph", "inputs", "rows")

    def __init__(self, bundle: Bundle, graph: str, inputs: Tensors, future: "asyncio.Future[Tensors]") -> None:
        self.bundle = bundle
        self.graph = graph
        self.inputs = inputs
        self.rows = len(next(iter(inputs.values())))
        self.future = future
        self.alone = False

    @property
    def key(self) -> tuple[int, str]:
        """Which graph it is for."""
        return id(self.bundle), self.graph

    def joins(self, other: "Job") -> bool:
        """Say whether the two may run together."""
        return self.key == other.key and not (self.alone or other.alone)


class Batch:
    """Jobs that run together; when the last of them is given up, the run is stopped."""

    __slots__ = ("jobs", "options", "rows", "seconds", "wanted")

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.options = ort.RunOptions()
        self.rows = sum(job.rows for job in jobs)
        self.seconds = 0.0
        self.wanted = len(jobs)
        for job in jobs:
            job.future.add_done_callback(self._given_up)

    def _given_up(self, future: "asyncio.Future[Tensors]") -> None:
        if future.cancelled():
            self.wanted -= 1
            if not self.wanted:
                self.options.terminate = True

    def run(self) -> dict[str, Tensor]:
        """Run it, on a worker thread as a rule."""
        first = self.jobs[0]
        inputs = first.inputs
        if len(self.jobs) > 1:
            inputs = {name: np.concatenate([job.inputs[name] for job in self.jobs]) for name in inputs}
        begun = time.perf_counter()
        found = dict(first.bundle.run(first.graph, inputs, self.options))
        self.seconds = time.perf_counter() - begun
        return found

    def split(self, found: Mapping[str, Tensor]) -> None:
        """Give every job its rows; rows that are not finite are kept back from the one who asked for them only."""
        start = 0
        for job in self.jobs:
            part = {name: array[start : start + job.rows] for name, array in found.items()}
            start += job.rows
            if job.future.done():
                continue
            if all(np.isfinite(array).all() for array in part.values()):
                job.future.set_result(part)
            else:
                job.future.set_exception(ServerError(500, "the model gave numbers that are not finite"))


class Engine:
    """Runs jobs of all graphs, oldest first, as many at once as there are workers.

    Nothing waits for company: with a worker free a job runs at once and alone. Jobs that found none free go together,
    up to `batch_rows`, when their turn comes. If a batch fails, its jobs run again one by one, so that one cannot fail
    another.

    Where nothing else is going on, a graph that was seen to take less than `QUICK` for as many rows runs on the event
    loop itself: handing it to a thread and back takes longer. Graphs have no branches, so what was quick stays quick.

    Args:
        workers: threads.
        batch_rows: rows in a batch; a single larger job runs alone.
        observe: told of every batch.
    """

    def __init__(self, workers: int, batch_rows: int, observe: Observer = lambda graph, requests, rows: None) -> None:
        self._pool = ThreadPoolExecutor(workers, "unbraid-run")
        self._workers = self._free = workers
        self._crowded = False
        self._quick_rows: dict[tuple[int, str], int] = {}
        self._batch_rows = batch_rows
        self._observe = observe
        self._waiting: deque[Job] = deque()

    @property
    def waiting(self) -> int:
        """Jobs no worker has taken yet."""
        return len(self._waiting)

    async def run(self, bundle: Bundle, graph: str, inputs: Tensors) -> Tensors:
        """Run a graph on checked inputs. Cancelling takes the job back, and stops it when it runs alone.

        Raises:
            ServerError: it failed, or what came out is not finite.
        """
        job = Job(bundle, graph, inputs, asyncio.get_running_loop().create_future())
        if self._first_of_turn() and self._free == self._workers and job.rows <= self._quick_rows.get(job.key, 0):
            self._run_here(job)
        else:
            self._waiting.append(job)
            self._start()
        return await job.future

    def close(self) -> None:
        """Let the threads end when they are idle."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _first_of_turn(self) -> bool:
        """Say whether no other job came in this turn of the event loop; several would rather go together."""
        if self._crowded:
            return False
        self._crowded = True
        asyncio.get_running_loop().call_soon(self._end_turn)
        return True

    def _end_turn(self) -> None:
        self._crowded = False

    def _run_here(self, job: Job) -> None:
        batch = Batch([job])
        self._observe(job.graph, 1, job.rows)
        batch.split(batch.run())

    def _start(self) -> None:
        while self._free and self._waiting:
            jobs = self._take()
            if jobs:
                self._free -= 1
                batch = Batch(jobs)
                self._observe(jobs[0].graph, len(jobs), batch.rows)
                running = self._pool.submit(batch.run)
                running.add_done_callback(partial(self._came_back, asyncio.get_running_loop(), batch))

    def _learn(self, batch: Batch) -> None:
        """Remember how many rows of a graph are quick."""
        key = batch.jobs[0].key
        if batch.seconds < QUICK:
            self._quick_rows[key] = max(batch.rows, self._quick_rows.get(key, 0))

    def _take(self) -> list[Job]:
        """Take the oldest job, and with it those of the same graph that fit."""
        taken: list[Job] = []
        left: deque[Job] = deque()
        rows = 0
        for job in self._waiting:
            if job.future.done():  # given up while it waited
                continue
            if not taken or (taken[0].joins(job) and rows + job.rows <= self._batch_rows):
                taken.append(job)
                rows += job.rows
            else:
                left.append(job)
        self._waiting = left
        return taken

    def _came_back(self, loop: asyncio.AbstractEventLoop, batch: Batch, done: "Future[dict[str, Tensor]]") -> None:
        """Go from the worker thread to the loop's."""
        loop.call_soon_threadsafe(self._finish, batch, done)

    def _finish(self, batch: Batch, done: "Future[dict[str, Tensor]]") -> None:
        self._free += 1
        error = done.exception()
        if error is None:
            batch.split(done.result())
            self._learn(batch)
        elif len(batch.jobs) > 1:
            for job in reversed(batch.jobs):
                job.alone = True
                self._waiting.appendleft(job)
        elif not batch.jobs[0].future.done():
            batch.jobs[0].future.set_exception(error)
        self._start()
