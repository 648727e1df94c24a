"""The training loop: it walks objectives and knows no method."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unbraid.core.artefacts import write_json
from unbraid.core.errors import ConfigError, Interrupted, NonFiniteError
from unbraid.core.interfaces import Objective
from unbraid.core.latents import Latents
from unbraid.core.threads import threads
from unbraid.core.training.checkpoint import Checkpoints, RunState
from unbraid.core.training.monitor import Monitor
from unbraid.core.training.progress import Progress
from unbraid.core.training.record import MetricsFile, environment
from unbraid.core.training.runner import ObjectiveRunner
from unbraid.core.training.settings import FitSettings
from unbraid.core.training.stop import StopSignal
from unbraid.core.training.watch import FiniteWatch


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a run came to.

    Args:
        steps: steps made, earlier parts of a resumed run included.
        monitor: name of what was watched, or None.
        best_value, best_step: of the weights that were kept.
        history: the lines of `metrics.jsonl` that hold a look at the validation classes.
        seconds: wall time of this part of the run.
    """

    steps: int
    monitor: str | None
    best_value: float | None
    best_step: int | None
    history: Sequence[Mapping[str, Any]]
    seconds: float


def train(
    module: nn.Module,
    objectives: Sequence[Objective],
    sources: Mapping[str, Latents],
    settings: FitSettings,
    *,
    monitor: Callable[[Sequence[ObjectiveRunner]], Monitor] | None = None,
    out: Path | None = None,
    resume: bool = False,
    identity: Mapping[str, Any] | None = None,
) -> TrainResult:
    """Walk the objectives for `settings.steps` steps and leave the best weights in the module.

    Args:
        module: holds everything that is trained, on the device of the latents.
        objectives: one training step, in order.
        sources: domain -> training latents.
        settings: `steps` must be a number here.
        monitor: makes what is looked at from the runners; None keeps the last weights.
        out: run folder for checkpoints and `metrics.jsonl`; None writes nothing.
        resume: go on from the newest valid checkpoint in `out`.
        identity: JSON values a checkpoint must agree on to be resumed.

    Raises:
        NonFiniteError: a loss was not finite; the weights are those before that step.
        Interrupted: SIGINT or SIGTERM; the step was finished and saved.
        ConfigError: `out` holds a run already and `resume` is False, or holds a different run.
    """
    loop = _Loop(module, objectives, sources, settings, out, {"seed": settings.seed, **(identity or {})})
    loop.begin(resume=resume, monitor=monitor)
    return loop.run()


class _Loop:
    """The state of one call of `train`."""

    def __init__(
        self,
        module: nn.Module,
        objectives: Sequence[Objective],
        sources: Mapping[str, Latents],
        settings: FitSettings,
        out: Path | None,
        identity: Mapping[str, Any],
    ) -> None:
        assert settings.steps is not None
        self.total = settings.steps if objectives else 0
        self.module = module
        self.settings = settings
        self.out = out
        self.device = next(iter(sources.values())).device
        self.runners = [ObjectiveRunner(objective, sources, self.device) for objective in objectives]
        self.watch = FiniteWatch(self.device)
        self.checkpoints = Checkpoints(out / "checkpoints", identity, settings.keep) if out else None
        self.state = RunState()
        self.best: dict[str, Tensor] | None = None
        self.monitor: Monitor | None = None
        self.in_training_mode = False

    def begin(self, *, resume: bool, monitor: Callable[[Sequence[ObjectiveRunner]], Monitor] | None) -> None:
        """Restore what is to be resumed, and decide what is looked at."""
        if self.checkpoints is not None:
            if resume:
                self.state, self.best = self.checkpoints.load(self.module, self.runners, self.device)
                self.state.finished = self._out_of_patience()
            elif any(self.checkpoints):
                raise ConfigError(
                    f"{self.out} holds a run already",
                    expected="an empty folder, or resume",
                    found=next(iter(self.checkpoints)).name,
                    hint="pass resume=True (--resume) to go on with it, or another folder",
                )
        self.monitor = monitor(self.runners) if monitor and self.runners else None
        self.metrics = MetricsFile(self.out, self.state.step, self._due)

    def run(self) -> TrainResult:
        """Make the remaining steps."""
        begun = time.monotonic()
        progress = Progress(self.total, self.state.step, quiet=self.settings.quiet)
        devices = [self.device] if self.device.type == "cuda" else []
        try:
            with threads(self.settings.threads), torch.random.fork_rng(devices=devices), StopSignal() as stop:
                while self.state.step < self.total and not self.state.finished:
                    self._step()
                    self._after_step(progress, stop)
                self._conclude(progress)
        finally:
            progress.close()
            for parameter in self.module.parameters():
                parameter.grad = None
        if self.best is not None:
            self.module.load_state_dict(self.best, strict=True)
        return TrainResult(
            steps=self.state.step,
            monitor=self.monitor.name if self.monitor else None,
            best_value=self.state.best_value,
            best_step=self.state.best_step,
            history=self.state.history,
            seconds=time.monotonic() - begun,
        )

    def _step(self) -> None:
        if not self.in_training_mode:  # walking all modules in every step is felt in small heads
            self.module.train()
            self.in_training_mode = True
        for runner in self.runners:
            runner.run(self.settings.seed, self.state.step, self.watch)
        self.state.step += 1

    def _after_step(self, progress: Progress, stop: StopSignal) -> None:
        step, last = self.state.step, self.state.step == self.total
        if self._scheduled(step):
            self._log(progress)
        if self.monitor and step % self.settings.eval_every == 0:
            self._look(self.monitor, progress)
        progress.advance(step)
        interrupted = stop.received is not None and not last
        if self.checkpoints and (
            last or self.state.finished or interrupted or step % self.settings.checkpoint_every == 0
        ):
            self._check_finite()
            self.checkpoints.save(self.state, self.module, self.best, self.runners)
        if interrupted:
            self._interrupt(stop)

    def _conclude(self, progress: Progress) -> None:
        """Look once more where the last step was not due for it.

        Not part of the checkpoint: a run that goes on from here must not remember a look that one without a stop
        never had.
        """
        step = self.state.step
        if not self._scheduled(step):
            self._log(progress)
        if self.monitor and step % self.settings.eval_every:
            self._look(self.monitor, progress)

    def _scheduled(self, step: int) -> bool:
        return step % self.settings.log_every == 0 or step % self.settings.eval_every == 0

    def _due(self, record: Mapping[str, Any]) -> bool:
        look = any(name.startswith("validation.") for name in record)
        step = record["step"]
        return step % self.settings.eval_every == 0 if look else self._scheduled(step)

    def _log(self, progress: Progress) -> None:
        self._check_finite()
        averages = {k: v for runner in self.runners for k, v in runner.averages().items()}
        self.metrics.add({"step": self.state.step, **averages})
        progress.show(averages)

    @torch.no_grad()
    def _look(self, monitor: Monitor, progress: Progress) -> None:
        self.module.eval()
        self.in_training_mode = False
        with _keeping_buffers(self.module):
            value = monitor.measure()
        line = {"step": self.state.step, f"validation.{monitor.name}": value if math.isfinite(value) else None}
        self.metrics.add(line)
        self.state.history.append(line)
        progress.show({monitor.name: value})
        if monitor.improves(value, self.state.best_value):
            self.state.best_value, self.state.best_step = value, self.state.step
            self.state.looks_without_gain = 0
            self.best = {k: v.detach().clone() for k, v in self.module.state_dict().items()}
            return
        self.state.looks_without_gain += 1
        self.state.finished = self._out_of_patience()

    def _out_of_patience(self) -> bool:
        patience = self.settings.patience
        return patience is not None and self.state.looks_without_gain >= patience

    def _check_finite(self) -> None:
        try:
            self.watch.check()
        except NonFiniteError as error:
            if self.out is not None:
                self.out.mkdir(parents=True, exist_ok=True)
                write_json(
                    self.out / "crash.json",
                    {
                        "problem": str(error),
                        "seed": self.settings.seed,
                        "last_step": self.state.step,
                        "environment": environment(self.device),
                    },
                )
            raise

    def _interrupt(self, stop: StopSignal) -> None:
        where = next(iter(self.checkpoints), None) if self.checkpoints else None
        raise Interrupted(
            f"stopped by {stop.received.name if stop.received else 'a signal'} after step {self.state.step}",
            checkpoint=where,
            hint="resume=True (--resume) goes on from the checkpoint" if where else "pass out= to be able to resume",
            exit_code=stop.exit_code,
        )


@contextmanager
def _keeping_buffers(module: nn.Module) -> Iterator[None]:
    """Give every buffer its value back: what a loss notes down while it is watched is no part of training."""
    before = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        for buffer, value in before:
            buffer.copy_(value)
