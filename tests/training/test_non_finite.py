"""A loss that becomes NaN stops the run, is named, and moves nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unbraid import Objective, Samples, Term
from unbraid.core.artefacts import verify_folder
from unbraid.core.errors import NonFiniteError
from unbraid.core.training import FitSettings, train


class Fuse(nn.Module):
    """A linear map whose second term blows at a step, known from the draws alone."""

    def __init__(self, blows_at: int | None, value: float = float("nan")) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net, self.other = nn.Linear(6, 6), nn.Linear(6, 6)
        self.blows_at, self.value, self.calls = blows_at, value, 0

    def fuse(self, batch: Any, draws: Any) -> dict[str, Term]:
        z = batch["rows"].z
        keep = (self.net(z) - z).square().mean()
        blown = self.value if self.calls == self.blows_at else 1.0
        self.calls += 1
        return {"keep": Term(keep), "fuse": Term(self.net(z).abs().mean() * blown, 0.1)}

    def after(self, batch: Any, draws: Any) -> dict[str, Term]:
        return {"after": Term((self.other(self.net(batch["rows"].z)) ** 2).mean())}

    def objectives(self) -> list[Objective]:
        rows = {"rows": Samples(16)}
        return [
            Objective(name="first", batch=rows, loss=self.fuse, updates=[self.net]),
            Objective(name="second", batch=rows, loss=self.after, updates=[self.other]),
        ]


def fit(module: Fuse, latents: Any, steps: int, out: Path | None = None, **more: Any) -> None:
    settings = FitSettings(**{"steps": steps, "quiet": True, "log_every": 10, "checkpoint_every": 4, **more})
    train(module, module.objectives(), latents, settings, out=out)


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: t.detach().clone() for name, t in module.state_dict().items()}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("step", [0, 7, 10, 13])
def test_the_run_stops_with_the_weights_before_that_step(latents: Any, step: int, value: float) -> None:
    module = Fuse(step, value)
    with pytest.raises(NonFiniteError) as caught:
        fit(module, latents, 40)
    message = str(caught.value)
    assert f"before step {step} could" in message and "first.fuse" in message
    assert "first.keep" not in message and "second" not in message, "only what went wrong first is to blame"
    assert "finite losses" in message and caught.value.exit_code == 1
    reference = Fuse(None)
    fit(reference, latents, step)
    expected = weights(reference)
    assert all(torch.equal(expected[name], t) for name, t in weights(module).items())


def test_the_run_ends_soon_after(latents: Any) -> None:
    module = Fuse(11)
    with pytest.raises(NonFiniteError):
        fit(module, latents, 10_000)
    assert module.calls == 20, "the host looks every log_every steps"


def test_crash_file_and_earlier_checkpoints(latents: Any, tmp_path: Path) -> None:
    module = Fuse(13)
    with pytest.raises(NonFiniteError):
        fit(module, latents, 40, tmp_path, seed=3)
    crash = json.loads((tmp_path / "crash.json").read_text())
    assert "first.fuse" in crash["problem"] and "step 13" in crash["problem"]
    assert crash["seed"] == 3 and crash["environment"]["torch"] == torch.__version__
    checkpoints = sorted((tmp_path / "checkpoints").iterdir())
    assert [path.name for path in checkpoints] == ["step-000000008", "step-000000012"]
    for path in checkpoints:
        verify_folder(path, kind="checkpoint")
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [10], "no line holds a NaN"


def test_a_crash_before_anything_was_written(latents: Any, tmp_path: Path) -> None:
    with pytest.raises(NonFiniteError):
        fit(Fuse(2), latents, 40, tmp_path / "new" / "run")
    assert "step 2" in (tmp_path / "new" / "run" / "crash.json").read_text()


def test_the_crashed_run_goes_on_from_its_last_checkpoint(latents: Any, tmp_path: Path) -> None:
    with pytest.raises(NonFiniteError):
        fit(Fuse(13), latents, 20, tmp_path)
    again, whole = Fuse(None), Fuse(None)
    settings = FitSettings(steps=20, quiet=True, log_every=10, checkpoint_every=4)
    train(again, again.objectives(), latents, settings, out=tmp_path, resume=True)
    fit(whole, latents, 20)
    assert all(torch.equal(weights(whole)[name], t) for name, t in weights(again).items())


def test_a_gradient_that_is_not_finite_stops_the_run_too(latents: Any, tmp_path: Path) -> None:
    """A finite loss with an infinite gradient: the square root at zero."""

    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(()))

    module = Root()
    loss = Objective(
        name="root",
        batch={"rows": Samples(4)},
        loss=lambda batch, draws: {"root": Term((module.scale * 0).abs().sqrt() + 0 * batch["rows"].z.sum())},
        updates=[module],
    )
    with pytest.raises(NonFiniteError) as caught:
        train(module, [loss], latents, FitSettings(steps=4, quiet=True), out=tmp_path)
    assert "root.gradient" in str(caught.value) and "before step 0" in str(caught.value)
    assert module.scale.item() == 0, "not one step was made"
    assert not list((tmp_path / "checkpoints").glob("step-*"))
