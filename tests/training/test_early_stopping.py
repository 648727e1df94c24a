"""Early stopping and best weights follow the monitor, and both survive a resume."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unbraid import Objective, OptimiserSpec, Samples, Term
from unbraid.core.training import FitSettings, Monitor, TrainResult, loss_monitor, train
from unbraid.core.training.runner import ObjectiveRunner


class Counter(nn.Module):
    """Its weight is the number of steps made, so that a value can be scripted by step."""

    def __init__(self) -> None:
        super().__init__()
        self.made = nn.Parameter(torch.zeros(()))
        self.register_buffer("seen", torch.zeros(()))

    def loss(self, batch: Any, draws: Any) -> dict[str, Term]:
        self.seen.add_(1)
        return {"count": Term(-self.made)}

    def objectives(self) -> list[Objective]:
        sgd = OptimiserSpec("sgd", lr=1.0)
        return [Objective(name="count", batch={"rows": Samples(1)}, loss=self.loss, updates=[self], optimiser=sgd)]


#: Value after 5, 10, 15, ... steps.
SCRIPT = [0.2, 0.5, 0.4, 0.6, 0.6, 0.5, 0.3, 0.9]


def run(
    latents: Any, steps: int, module: Counter | None = None, script: Sequence[float] = SCRIPT, **more: Any
) -> tuple[TrainResult, Counter]:
    module = module or Counter()
    higher, out, resume = more.pop("higher", True), more.pop("out", None), more.pop("resume", False)
    counter = module

    def value() -> float:
        made = int(counter.made.item())
        return script[made // 5 - 1] if made % 5 == 0 else -1.0

    settings = FitSettings(**{"steps": steps, "eval_every": 5, "quiet": True, "checkpoint_every": 3, **more})
    monitor = Monitor("scripted", higher, value)
    objectives = module.objectives()
    return train(module, objectives, latents, settings, monitor=lambda runners: monitor, out=out, resume=resume), module


@pytest.mark.parametrize(
    ("patience", "steps", "best"), [(1, 15, 10), (2, 30, 20), (3, 35, 20), (4, 40, 40), (None, 40, 40)]
)
def test_stops_where_it_should_and_gives_the_best_weights(
    latents: Any, patience: int | None, steps: int, best: int
) -> None:
    result, module = run(latents, 40, patience=patience)
    assert (result.steps, result.best_step) == (steps, best)
    assert module.made.item() == best and result.best_value == SCRIPT[best // 5 - 1]
    assert [line["validation.scripted"] for line in result.history] == SCRIPT[: steps // 5]
    assert result.monitor == "scripted"


def test_lower_can_be_better(latents: Any) -> None:
    result, module = run(latents, 40, script=[-v for v in SCRIPT], higher=False, patience=2)
    assert (result.steps, module.made.item(), result.best_value) == (30, 20.0, -0.6)


@pytest.mark.parametrize("stop", [1, 5, 9, 10, 12, 22, 29])
def test_patience_survives_a_resume(latents: Any, tmp_path: Path, stop: int) -> None:
    """Also where the first part ended between two looks: the extra look at its end is not remembered."""
    run(latents, stop, out=tmp_path, patience=2)
    result, module = run(latents, 40, out=tmp_path, resume=True, patience=2)
    whole, _ = run(latents, 40, patience=2)
    assert (result.steps, result.best_step, result.best_value) == (30, 20, 0.6)
    assert module.made.item() == 20 and list(result.history) == list(whole.history)


def test_the_extra_look_at_the_end_counts_for_this_run_alone(latents: Any, tmp_path: Path) -> None:
    """Reaching step 7 looks excellent; who goes on from there still gets what a run without a stop gets."""

    def once(steps: int, resume: bool) -> tuple[TrainResult, Counter]:
        module = Counter()
        monitor = Monitor("scripted", True, lambda: 100.0 if module.made == 7 else module.made.item())
        settings = FitSettings(steps=steps, eval_every=5, quiet=True)
        made = train(
            module, module.objectives(), latents, settings, monitor=lambda r: monitor, out=tmp_path, resume=resume
        )
        return made, module

    first, module = once(7, resume=False)
    assert (first.best_step, module.made.item()) == (7, 7.0)
    same, module = once(7, resume=True)
    assert (same.best_step, same.steps, module.made.item()) == (7, 7, 7.0)
    assert list(same.history) == list(first.history)
    second, module = once(12, resume=True)
    assert (second.best_step, module.made.item()) == (12, 12.0)
    steps = [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert steps == [5, 5, 10, 10, 12, 12]


def test_a_finished_run_stays_finished_unless_given_more_patience(latents: Any, tmp_path: Path) -> None:
    run(latents, 40, out=tmp_path, patience=1)
    result, module = run(latents, 40, out=tmp_path, resume=True, patience=1)
    assert (result.steps, module.made.item()) == (15, 10.0)
    result, module = run(latents, 40, out=tmp_path, resume=True, patience=3)
    assert (result.steps, module.made.item()) == (35, 20.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_never_the_best(latents: Any, tmp_path: Path, bad: float) -> None:
    result, module = run(latents, 15, script=[bad, 0.1, bad], out=tmp_path)
    assert (result.best_step, module.made.item()) == (10, 10.0)
    values = [line["validation.scripted"] for line in result.history]
    assert values == [None, 0.1, None]
    result, module = run(latents, 10, script=[bad, bad])
    assert result.best_step is None and module.made.item() == 10


def test_what_a_loss_notes_while_watched_is_no_part_of_training(latents: Any, held_out: Any) -> None:
    def seen(eval_every: int) -> Tensor:
        module = Counter()
        watched = [ObjectiveRunner(o, held_out, torch.device("cpu")) for o in module.objectives()]
        settings = FitSettings(steps=12, eval_every=eval_every, quiet=True)
        monitor = loss_monitor(watched, 0)
        train(module, module.objectives(), latents, settings, monitor=lambda runners: monitor)
        return module.seen

    assert float(seen(4)) == float(seen(3)) == 12.0


def test_every_step_is_made_in_training_mode_and_every_look_in_evaluation(latents: Any) -> None:
    steps, looks = [], []

    class Parted(Counter):
        def __init__(self) -> None:
            super().__init__()
            self.part = nn.Dropout()

        def loss(self, batch: Any, draws: Any) -> dict[str, Term]:
            steps.append((self.training, self.part.training))
            return super().loss(batch, draws)

    module = Parted().eval()

    def look() -> float:
        looks.append((module.training, module.part.training))
        return 0.0

    settings = FitSettings(steps=9, eval_every=4, quiet=True)
    train(module, module.objectives(), latents, settings, monitor=lambda runners: Monitor("mode", True, look))
    assert steps == [(True, True)] * 9
    assert looks == [(False, False)] * 3


def test_without_a_monitor_the_last_weights_are_kept(latents: Any) -> None:
    module = Counter()
    result = train(module, module.objectives(), latents, FitSettings(steps=9, quiet=True))
    assert (result.steps, result.best_step, result.monitor, module.made.item()) == (9, None, None, 9.0)
