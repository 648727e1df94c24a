"""`unbraid fit`, `evaluate` and `demo`, as a user types them."""

import json
import subprocess
import sys

import pytest

import unbraid
from unbraid.core.cli.main import cli
from unbraid.core.errors import ConfigError

RECIPE = """
dataset: glyphs
backbone: {name: vae, weights: builtin:glyphs}
method: {name: fden, trunk: [32], branch: [32], entangler: [32], entangler_branch: [32], critic: [16]}
fit: {steps: 30, eval_every: 10, quiet: true}
evaluate: {episodes: 50, metrics: [few_shot]}
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "glyphs.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def run(recipe):
    folder = recipe.parent / "run"
    unbraid_command("fit", recipe, "--out", folder)
    return folder


def unbraid_command(*args):
    return cli.main([str(a) for a in args], prog_name="unbraid", standalone_mode=False)


def test_encode_makes_what_fit_reads(recipe, run, tmp_path, capsys):
    unbraid_command("encode", recipe, "--out", tmp_path, "--quiet")
    assert f"in {tmp_path / 'latents'}" in capsys.readouterr().out
    files = {path.name: path.read_bytes() for path in (tmp_path / "latents").iterdir() if path.name != ".lock"}
    assert files == {path.name: path.read_bytes() for path in (run / "latents").iterdir() if path.name != ".lock"}


def test_what_writes_one_folder_refuses_several_ranks(recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="fit does not divide its work"):
        unbraid_command("fit", recipe, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def misuse(*args):
    """Run in a process of its own: exit code and what a person reads."""
    command = [sys.executable, "-m", "unbraid", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_fit_leaves_everything_a_run_needs(run):
    assert {"recipe.yaml", "metrics.jsonl", "checkpoints", "head", "latents"} <= {p.name for p in run.iterdir()}
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "validation.few_shot" in line] == [10, 20, 30]
    model = unbraid.load(run / "head")
    assert model.backbone.info.adapter == "vae"


def test_the_resolved_recipe_repeats_the_run(run, tmp_path):
    unbraid_command("fit", run / "recipe.yaml", "--out", tmp_path / "again")
    first, second = ((f / "head" / "model.safetensors").read_bytes() for f in (run, tmp_path / "again"))
    assert first == second


def test_evaluate_and_export_go_on_from_the_head(run, tmp_path, capsys):
    unbraid_command("evaluate", run / "head", "--out", tmp_path / "figures")
    figures = json.loads((tmp_path / "figures" / "metrics.json").read_text())["figures"]
    assert any(f["name"] == "few_shot/identity/unseen_both" for f in figures)
    assert "identity/unseen_both" in capsys.readouterr().out
    unbraid_command("evaluate", run / "head", "--out", tmp_path / "again")
    for file in ("metrics.json", "report.html"):
        assert (tmp_path / "figures" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


def test_misuse_is_told_clearly(recipe, run, tmp_path):
    code, said = misuse("fit", recipe, "--set", "method.gama=1", "--out", tmp_path / "x")
    assert (code, "gamma" in said, "gama" in said) == (2, True, True)
    code, said = misuse("fit", recipe, "--out", run)
    assert (code, "--resume" in said) == (2, True)
    code, said = misuse("fit", tmp_path / "nowhere.yaml")
    assert code == 2 and "nowhere.yaml" in said
    code, said = misuse("fitt", recipe)
    assert code == 2 and "fit" in said


def test_a_file_in_the_way_is_a_fault_of_the_place(recipe, tmp_path):
    (tmp_path / "taken").write_text("mine")
    code, said = misuse("fit", recipe, "--out", tmp_path / "taken")
    assert code in (1, 2) and "taken" in said
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.slow
def test_demo_as_a_newcomer_runs_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "unbraid", "demo"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {"report.html", "metrics.json", "head", "bundle"} <= {p.name for p in (tmp_path / "unbraid-demo").iterdir()}


def test_demo_in_small(tmp_path, capsys):
    small = ["fit.steps=20", "evaluate.episodes=20", "fit.quiet=true", "method.trunk=[32]", "method.branch=[32]"]
    small.append("evaluate.metrics=[few_shot, swap_error]")
    unbraid_command("demo", "--out", tmp_path / "demo", *(part for s in small for part in ("--set", s)))
    made = {p.name for p in (tmp_path / "demo").iterdir()}
    assert {"report.html", "metrics.json", "head", "bundle", "swaps.png", "recipe.yaml"} <= made
    said = capsys.readouterr().out
    assert "without torch" in said and "next" in said
    assert unbraid.load_bundle(tmp_path / "demo" / "bundle").verify()
    assert unbraid.load(tmp_path / "demo" / "head").head.factors[0].name == "identity"
