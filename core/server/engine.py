"""Runs graphs on a few threads; what waits for a thread meanwhile goes together into one batch."""

import asyncio
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

    def joins(self, other: "Job") -> bool:
        """Say whether the two may run together."""
        return self.bundle is other.bundle and self.graph == other.graph and not (self.alone or other.alone)


class Batch:
    """Jobs that run together; when the last of them is given up, the run is stopped."""

    __slots__ = ("jobs", "options", "wanted")

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.options = ort.RunOptions()
        self.wanted = len(jobs)
        for job in jobs:
            job.future.add_done_callback(self._given_up)

    def _given_up(self, future: "asyncio.Future[Tensors]") -> None:
        if future.cancelled():
            self.wanted -= 1
            if not self.wanted:
                self.options.terminate = True

    def run(self) -> dict[str, Tensor]:
        """Run it, on a worker thread."""
        first = self.jobs[0]
        inputs = first.inputs
        if len(self.jobs) > 1:
            inputs = {name: np.concatenate([job.inputs[name] for job in self.jobs]) for name in inputs}
        return dict(first.bundle.run(first.graph, inputs, self.options))

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

    Args:
        workers: threads.
        batch_rows: rows in a batch; a single larger job runs alone.
        observe: told of every batch.
    """

    def __init__(self, workers: int, batch_rows: int, observe: Observer = lambda graph, requests, rows: None) -> None:
        self._pool = ThreadPoolExecutor(workers, "unbraid-run")
        self._free = workers
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
        self._waiting.append(job)
        self._start()
        return await job.future

    def close(self) -> None:
        """Let the threads end when they are idle."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        while self._free and self._waiting:
            jobs = self._take()
            if jobs:
                self._free -= 1
                batch = Batch(jobs)
                self._observe(jobs[0].graph, len(jobs), sum(job.rows for job in jobs))
                running = self._pool.submit(batch.run)
                running.add_done_callback(partial(self._came_back, asyncio.get_running_loop(), batch))

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
        elif len(batch.jobs) > 1:
            for job in reversed(batch.jobs):
                job.alone = True
                self._waiting.appendleft(job)
        elif not batch.jobs[0].future.done():
            batch.jobs[0].future.set_exception(error)
        self._start()
