"""A run that was stopped ends as one that was not, and a folder never mixes two runs."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import zoo_backbones
import zoo_data
from torch import Tensor

import unbraid
from unbraid.core.artefacts import read_tensors, verify_folder
from unbraid.core.errors import ConfigError
from unbraid.core.latents import encode_dataset

pytestmark = pytest.mark.usefixtures("zoo")

FIT = {"quiet": True, "steps": 24, "eval_every": 6, "log_every": 4, "checkpoint_every": 5}


class Stop(Exception):
    """What ends a run in the middle of a step, as a crash would."""


@pytest.fixture(scope="module")
def data() -> unbraid.Dataset:
    return zoo_data.stripes()


def fit(data: unbraid.Dataset, out: Path, *, until: int | None = None, **more: Any) -> unbraid.AttachedModel:
    """Fit a gated adversary; `until` breaks it off within that step."""
    method, backbone, seed = more.pop("method", "gated-adversary"), more.pop("backbone", None), more.pop("seed", 0)
    model = unbraid.attach(method, backbone or zoo_backbones.vector(), seed=seed)
    if until is not None:
        objectives = model.head.objectives
        object.__setattr__(
            model.head, "objectives", lambda backbones: breaking(model.head, objectives(backbones), until)
        )
    model.fit(data, out=out, **{**FIT, **more})
    return model


def breaking(head: torch.nn.Module, objectives: Any, until: int) -> Any:
    calls = [0]
    first = objectives[0]

    def loss(batch: Any, draws: Any) -> Any:
        if calls[0] == until:
            raise Stop
        calls[0] += head.training  # not where the loss is only watched
        return first.loss(batch, draws)

    return [replace(first, loss=loss), *objectives[1:]]


def weights(model: unbraid.AttachedModel) -> dict[str, Tensor]:
    return {name: t.clone() for name, t in model.network.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(t, second[name]) for name, t in first.items())


@pytest.fixture(scope="module")
def whole(data: unbraid.Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Tensor], Path]:
    """Weights and folder of a run nothing happened to."""
    import zoo_manifest

    from unbraid.registry import Registry, get_registry, use_registry

    out = tmp_path_factory.mktemp("whole")
    with use_registry(Registry([*get_registry().manifests, zoo_manifest])):
        return weights(fit(data, out)), out


def metrics(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("breaks", [(3,), (5,), (7, 11), (6, 12, 13), (23,)], ids=str)
def test_weights_and_metrics_after_breaks(
    data: unbraid.Dataset, whole: tuple[dict[str, Tensor], Path], tmp_path: Path, breaks: tuple[int, ...]
) -> None:
    """Broken off within steps, before, at and after checkpoints, looks and log lines, several times in a row."""
    for resume, step in enumerate(breaks):
        done = 0 if not resume else (breaks[resume - 1] // 5) * 5
        with pytest.raises(Stop):
            fit(data, tmp_path, until=step - done, resume=bool(resume))
    model = fit(data, tmp_path, resume=True)
    assert same(weights(model), whole[0])
    assert metrics(tmp_path) == metrics(whole[1]), "every line once, and with the same numbers"
    last = "checkpoints/step-000000024"
    for file in ("module.safetensors", "best.safetensors", "optimisers.safetensors", "state.json"):
        assert (tmp_path / last / file).read_bytes() == (whole[1] / last / file).read_bytes(), file


def test_metrics_of_parts_that_ended_by_themselves(
    data: unbraid.Dataset, whole: tuple[dict[str, Tensor], Path], tmp_path: Path
) -> None:
    """A line or look that only the end of a part called for is gone once the run goes on."""
    fit(data, tmp_path, steps=7)
    assert metrics(tmp_path)[-1]["step"] == 7
    fit(data, tmp_path, steps=15, resume=True)
    model = fit(data, tmp_path, resume=True)
    assert same(weights(model), whole[0])
    assert metrics(tmp_path) == metrics(whole[1])


def test_resuming_what_is_done_changes_nothing(data: unbraid.Dataset, whole: tuple[dict[str, Tensor], Path]) -> None:
    before = metrics(whole[1])
    model = fit(data, whole[1], resume=True)
    assert same(weights(model), whole[0]) and metrics(whole[1]) == before


def test_resume_in_an_empty_folder_starts(
    data: unbraid.Dataset, whole: tuple[dict[str, Tensor], Path], tmp_path: Path
) -> None:
    assert same(weights(fit(data, tmp_path / "new", resume=True)), whole[0])


def test_two_are_kept_and_more_on_demand(data: unbraid.Dataset, whole: tuple[dict[str, Tensor], Path], tmp_path: Path):
    assert len(list((whole[1] / "checkpoints").iterdir())) == 2
    fit(data, tmp_path, keep=4)
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == [f"step-{step:09d}" for step in (10, 15, 20, 24)]


def another_data() -> unbraid.Dataset:
    return zoo_data.stripes(seed=1)


@pytest.mark.parametrize(
    ("named", "change"),
    [
        ("seed", {"seed": 1}),
        ("method", {"method": "split"}),
        ("backbones", {"backbone": lambda: zoo_backbones.vector(1)}),
        ("data", {"data": another_data}),
        ("threads", {"threads": 2}),
        ("latent_mode", {"latent_mode": "sample"}),
    ],
)
def test_resuming_another_run_is_refused(
    data: unbraid.Dataset, whole: tuple[dict[str, Tensor], Path], named: str, change: dict[str, Any]
) -> None:
    change = {key: value() if callable(value) else value for key, value in change.items()}
    with pytest.raises(ConfigError) as caught:
        fit(change.pop("data", data), whole[1], resume=True, **change)
    message = str(caught.value)
    assert f"{named} differ" in message and f"expected: {named} =" in message and f"found:    {named} =" in message
    assert caught.value.exit_code == 2


def test_a_folder_that_holds_a_run_is_not_overwritten(
    data: unbraid.Dataset, whole: tuple[dict[str, Tensor], Path]
) -> None:
    before = metrics(whole[1])
    with pytest.raises(ConfigError) as caught:
        fit(data, whole[1])
    message = str(caught.value)
    assert "holds a run already" in message and "step-000000024" in message and "resume=True" in message
    assert metrics(whole[1]) == before


@pytest.fixture
def global_state() -> Callable[[], tuple[Tensor, int]]:
    return lambda: (torch.random.get_rng_state(), torch.get_num_threads())


@pytest.mark.parametrize("until", [None, 3])
def test_global_state_is_given_back(
    data: unbraid.Dataset, tmp_path: Path, global_state: Any, until: int | None
) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        torch.manual_seed(77)
        before = global_state()
        try:
            fit(data, tmp_path, until=until, threads=2)
        except Stop:
            assert until is not None
        after = global_state()
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(before[0], after[0]) and before[1] == after[1] == 3


def test_the_state_of_the_process_does_not_matter(
    data: unbraid.Dataset, whole: tuple[dict[str, Tensor], Path], tmp_path: Path
) -> None:
    torch.manual_seed(123)
    torch.rand(7)
    assert same(weights(fit(data, tmp_path, eval_every=6)), whole[0])


def test_a_cache_of_latents_gives_the_same_run(
    data: unbraid.Dataset, whole: tuple[dict[str, Tensor], Path], tmp_path: Path
) -> None:
    encoded = encode_dataset(zoo_backbones.vector(), data, cache=tmp_path / "cache")
    assert same(weights(fit(data, tmp_path / "a", latents=encoded)), whole[0])
    assert same(weights(fit(data, tmp_path / "b", cache=tmp_path / "cache")), whole[0])


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[len(raw) * 3 // 4] ^= 1
    file.write_bytes(raw)


@pytest.mark.parametrize("harm", [flip, truncate, Path.unlink], ids=["flip", "truncate", "remove"])
@pytest.mark.parametrize(
    "file", ["module.safetensors", "optimisers.safetensors", "best.safetensors", "state.json", "CHECKSUMS.json"]
)
def test_a_damaged_checkpoint_is_skipped(
    data: unbraid.Dataset,
    whole: tuple[dict[str, Tensor], Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    harm: Callable[[Path], None],
    file: str,
) -> None:
    with pytest.raises(Stop):
        fit(data, tmp_path, until=13)
    newest = tmp_path / "checkpoints" / "step-000000010"
    harm(newest / file)
    with caplog.at_level("WARNING", logger="unbraid"):
        model = fit(data, tmp_path, resume=True)
    (warning,) = [r.getMessage() for r in caplog.records if "checkpoint" in r.getMessage()]
    assert "skipping checkpoint step-000000010" in warning
    assert same(weights(model), whole[0]) and metrics(tmp_path) == metrics(whole[1])
    verify_folder(tmp_path / "checkpoints" / "step-000000024", kind="checkpoint")
    assert (tmp_path / "checkpoints" / "damaged-step-000000010").is_dir(), "evidence is not thrown away"


def test_no_pickle_in_a_run_folder(whole: tuple[dict[str, Tensor], Path]) -> None:
    files = [path for path in whole[1].rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".safetensors", ".json", ".jsonl"}
    for path in files:
        if path.suffix == ".safetensors":
            assert read_tensors(path)


def test_what_prepare_draws_comes_from_the_seed(data: unbraid.Dataset) -> None:
    def prepared(noise: int) -> Tensor:
        torch.manual_seed(noise)
        before = torch.random.get_rng_state()
        model = unbraid.attach("split", zoo_backbones.vector())
        draw = lambda latents: model.head.there.weight.data.normal_()
        object.__setattr__(model.head, "prepare", draw)
        model.fit(data, **{**FIT, "steps": 0})
        assert torch.equal(torch.random.get_rng_state(), before)
        return model.head.there.weight.detach()

    assert torch.equal(prepared(1), prepared(2))
