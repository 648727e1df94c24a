"""Comparisons as a user runs them: same ground for all, kept, resumed, and the same again after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import unbraid
from unbraid.core.comparison import build_comparison, compare
from unbraid.core.errors import ConfigError, DamagedArtefactError, Interrupted
from unbraid.core.evaluation import Evaluation

TREE = {
    "dataset": "glyphs",
    "backbone": {"name": "vae", "weights": "builtin:glyphs"},
    "methods": [
        {"name": "fden", "trunk": [16], "branch": [16], "entangler": [16], "entangler_branch": [16], "critic": [8]},
        {"name": "prototype", "preset": "raw"},
        {"name": "prototype", "preset": "mlp", "label": "mlp"},
    ],
    "seeds": [0, 1],
    "fit": {"steps": 60, "eval_every": 30, "log_every": 5, "checkpoint_every": 3, "quiet": True},
    "evaluate": {"episodes": 20, "metrics": {"few_shot": {}, "swap_error": {"swaps": 20, "decoded": 5}}},
}
RUNS = [f"{label}/seed-{seed}" for label in ("fden", "prototype-raw", "mlp") for seed in (0, 1)]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison") / "untouched"
    return compare(TREE, folder, quiet=True), folder


def files(folder):
    """Name to bytes of everything a comparison leaves, but for locks, which name processes."""
    found = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != ".lock")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


def test_every_run_is_kept_with_head_and_figures(done):
    _, folder = done
    assert {p.relative_to(folder / "runs").as_posix() for p in folder.glob("runs/*/*")} == set(RUNS)
    for run in RUNS:
        assert {"head", "metrics.json", "run.json"} <= {p.name for p in (folder / "runs" / run).iterdir()}
        assert unbraid.load(folder / "runs" / run / "head").head.factors
    assert not (folder / "unfinished").exists()
    assert {"comparison.json", "report.html", "recipe.yaml", "latents"} <= {p.name for p in folder.iterdir()}


def test_all_runs_stand_on_the_same_ground(done):
    _, folder = done
    evaluations = [Evaluation.load(folder / "runs" / run / "metrics.json") for run in RUNS]
    hashes = {f.name.split("/")[2]: set() for f in evaluations[0].figures if f.name.startswith("few_shot/")}
    for evaluation in evaluations:
        for figure in evaluation.figures:
            if figure.name.startswith("few_shot/"):
                hashes[figure.name.split("/")[2]].add(figure.protocol["episode_hash"])
    assert [len(found) for found in hashes.values()] == [1, 1]
    assert len({e.protocol["backbone"]["fingerprint"] for e in evaluations}) == 1
    heads = {(folder / "runs" / run / "head" / "model.safetensors").read_bytes() for run in RUNS}
    assert len(heads) == 5  # raw latents have nothing that a seed could change


def test_a_run_is_the_fit_and_the_evaluation_of_its_recipe(done, tmp_path):
    result, folder = done
    recipe = build_comparison(TREE).of("fden", 1)
    model = unbraid.attach("fden", recipe.load_backbone(), seed=1, config=recipe.method.config)
    data = recipe.load_dataset()
    model.fit(data, steps=60, eval_every=30, seed=1, quiet=True)
    kept = unbraid.load(folder / "runs/fden/seed-1/head").head.head_state()
    assert all(bool((tensor == kept[name]).all()) for name, tensor in model.head.head_state().items())
    figure = model.evaluate(data, episodes=20, metrics=["few_shot"]).figure("few_shot/identity/unseen_both")
    assert result.summary("few_shot/content/unseen_both", "fden").values[1] == figure.value


def test_the_raw_latents_of_a_method_are_the_baseline_of_the_others(done):
    result, _ = done
    raw = result.summary("few_shot/content/unseen_both", "prototype-raw")
    for label in ("fden", "mlp"):
        assert result.summary("few_shot/content/unseen_both", label).baselines["raw latents"] == pytest.approx(raw.mean)
    assert "swap_error/unseen_both" in {s.figure for s in result.summaries if s.label == "fden"}
    assert set(result.not_applicable) == {"prototype-raw", "mlp"}


def test_differences_come_with_intervals_over_the_shared_episodes_and_over_classes(done):
    result, folder = done
    found = {(d.figure, d.first, d.second): d for d in result.differences}
    difference = found["few_shot/content/unseen_content", "fden", "mlp"]
    low, high = difference.episodes
    assert low <= difference.mean <= high and difference.classes is not None
    plain = json.loads((folder / "comparison.json").read_text())
    stored = next(
        d for d in plain["differences"] if (d["figure"], d["first"], d["second"]) == (difference.figure, "fden", "mlp")
    )
    assert stored["episodes"] == [low, high]
    assert "new classes" in (folder / "report.html").read_text()


def test_the_report_has_tables_and_the_swaps_of_every_method_that_can(done):
    text = (done[1] / "report.html").read_text()
    assert text.count("data:image/png;base64,") == 1  # of three methods one can swap
    for said in ("fden - mlp", "few_shot/content/unseen_both", "has no picture", "paired", "raw latents"):
        assert said in text
    assert "<script" not in text and "http" not in text


def test_a_finished_comparison_is_not_made_again(done):
    result, folder = done
    before = {p: p.stat().st_mtime_ns for p in folder.glob("runs/*/*/head/*")}
    assert compare(TREE, folder, quiet=True) == result
    assert before == {p: p.stat().st_mtime_ns for p in folder.glob("runs/*/*/head/*")}


def test_runs_made_otherwise_are_not_mixed_in(done):
    folder = done[1]
    before = files(folder)
    with pytest.raises(ConfigError, match="made otherwise: fit differ") as caught:
        compare({**TREE, "fit": {**TREE["fit"], "steps": 61}}, folder, quiet=True)
    assert "61" in str(caught.value) and "60" in str(caught.value)
    assert files(folder) == before


def test_a_damaged_run_is_told(done, tmp_path):
    folder = tmp_path / "damaged"
    for name, content in files(done[1]).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "runs/mlp/seed-0/metrics.json").write_text("{}")
    with pytest.raises(DamagedArtefactError, match=r"metrics\.json"):
        compare(TREE, folder, quiet=True)


def alive(folder):
    """Processes whose command line names the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in path.read_bytes() and int(path.parent.name) != os.getpid():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def started(tree, tmp_path, *options):
    """Start the command in a process; gives it, its folder and its arguments once the first fit has a checkpoint."""
    (tmp_path / "c.yaml").write_text(json.dumps(tree))
    folder = tmp_path / "out"
    command = [sys.executable, "-m", "unbraid", "compare", str(tmp_path / "c.yaml"), "--out", str(folder), *options]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(folder.glob("unfinished/fden/seed-0/checkpoints/step-*")) and time.monotonic() < deadline:
        time.sleep(0.005)
    return child, folder, command


def test_killed_in_the_middle_and_started_again_it_comes_to_the_same_files(done, tmp_path):
    child, folder, _ = started(TREE, tmp_path)
    child.kill()
    child.communicate()
    assert list(folder.glob("unfinished/fden/seed-0")) and not list(folder.glob("runs/fden/seed-0"))
    assert compare(TREE, folder, quiet=True) == done[0]
    assert files(folder) == files(done[1])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")
def test_workers_end_with_a_killed_command_and_come_to_the_same_files(done, tmp_path):
    child, folder, command = started(TREE, tmp_path, "--jobs", "2")
    child.kill()
    child.communicate()
    deadline = time.monotonic() + 30
    while alive(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(folder)
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "fden - mlp" in finished.stdout
    assert files(folder) == files(done[1])


def test_a_run_that_fails_does_not_end_the_others(tmp_path):
    methods = [{"name": "fden", "lr": 1e30, "label": "breaks"}, {"name": "prototype", "preset": "raw"}]
    tree = {**TREE, "methods": methods, "seeds": [0], "evaluate": {"episodes": 5, "metrics": ["few_shot"]}}
    result = compare(tree, tmp_path, quiet=True)
    assert [(f.label, f.seed) for f in result.failures] == [("breaks", 0)]
    assert {s.label for s in result.summaries} == {"prototype-raw"}
    assert "FAILED" in result.table() and "Failed" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
def test_ctrl_c_saves_what_is_under_way(tmp_path):
    fit = {**TREE["fit"], "steps": 100_000, "checkpoint_every": 5}
    child, folder, _ = started({**TREE, "fit": fit, "methods": TREE["methods"][:1]}, tmp_path, "--jobs", "2")
    child.send_signal(signal.SIGINT)
    said = child.communicate(timeout=60)[1]
    assert child.returncode == Interrupted("", checkpoint=None).exit_code, said
    assert "go on" in said and "Traceback" not in said
    assert not alive(folder)
