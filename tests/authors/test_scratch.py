"""In an environment of their own, new plug-ins and the examples do what their authors promise."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from unbraid.registry.new_plugin import KINDS, NewPlugin

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples" / "plugins").iterdir() if (path / "pyproject.toml").exists())
THREADS = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}

#: What a user of the example does, from a folder where there is no checkout.
SCRIPT = """
import sys
from pathlib import Path
import unbraid, unbraid.core, unbraid_pisco
assert all(Path(module.__file__).is_relative_to(sys.prefix) for module in (unbraid, unbraid.core, unbraid_pisco))
model = unbraid.attach("pisco", unbraid.load_backbone("vae", weights="builtin:glyphs"))
dataset = unbraid.load_dataset("glyphs")
model.fit(dataset, quiet=True)
model.save("head")
import numpy as np
images = dataset.images[np.arange(0, len(dataset), 200)]
again = unbraid.load("head").reconstruct(images)
gap = (model.decode(model.encode(images)) - again).abs().max()
evaluation = model.evaluate(dataset, episodes=50, metrics={"few_shot": {}})
model.export("bundle")
print(float(gap), len(evaluation.figures), sorted(path.name for path in Path("bundle").iterdir()))
"""


def checked(scratch: Any, args: list[str], *, folder: Path | None = None, timeout: float = 600) -> str:
    """Run `python *args`, in a folder if need be; give what it printed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("UNBRAID_", "PYTHON"))} | THREADS
    done = subprocess.run(
        [str(scratch.python), *args],
        cwd=folder or scratch.folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def copied(folder: Path, to: Path) -> Path:
    """Copy a distribution, so that building and testing leave no files in the checkout."""
    left_out = shutil.ignore_patterns("__pycache__", ".*_cache", "build", "dist")
    return Path(shutil.copytree(folder, to / folder.name, ignore=left_out))


def listed(scratch: Any) -> dict[str, list[str]]:
    listing = json.loads(checked(scratch, ["-m", "unbraid", "list", "--json"]))
    assert [each for each in listing["failures"] if each["distribution"] != "unbraid"] == []
    return {kind: [each["name"] for each in listing[kind]] for kind in ("methods", "backbones", "datasets", "metrics")}


def test_a_new_data_set_is_installed_listed_and_passes_its_tests(make_scratch_env, tmp_path):
    folder = NewPlugin(name="new-things", kind="dataset").write(tmp_path)
    scratch = make_scratch_env(folder)
    assert "new-things" in listed(scratch)["datasets"]
    assert " passed" in checked(scratch, ["-m", "pytest", "-q", "-p", "no:cacheprovider"], folder=folder)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_of_each_kind_does(make_scratch_env, kind, tmp_path):
    folder = NewPlugin(name=f"new-{kind}", kind=kind).write(tmp_path)
    scratch = make_scratch_env(folder)
    assert f"new-{kind}" in listed(scratch)[f"{kind}s"]
    assert " passed" in checked(scratch, ["-m", "pytest", "-q", "-p", "no:cacheprovider"], folder=folder)
    checked(scratch, ["-m", "unbraid", "check", f"new-{kind}"])
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "src"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_new_method_trains_by_its_recipe(make_scratch_env, tmp_path):
    folder = NewPlugin(name="new-split", kind="method").write(tmp_path)
    scratch = make_scratch_env(folder)
    checked(scratch, ["-m", "unbraid", "fit", "recipe.yaml"], folder=folder)
    head = json.loads((folder / "runs" / "new-split" / "head" / "config.json").read_text())
    assert head["method"]["distribution"] == "unbraid-new-split"


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_pass_their_own_tests(make_scratch_env, example, tmp_path):
    folder = copied(example, tmp_path)
    scratch = make_scratch_env(folder)
    assert " passed" in checked(scratch, ["-m", "pytest", "-q", "-p", "no:cacheprovider"], folder=folder, timeout=1200)


@pytest.mark.slow
def test_a_wheel_works_with_an_installed_unbraid(make_scratch_env, tmp_path):
    """Neither is editable: no file of the checkout is imported."""
    wheels = tmp_path / "wheels"
    for source in (ROOT, copied(ROOT / "examples" / "plugins" / "unbraid-pisco", tmp_path)):
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(wheels)]
        subprocess.run(build, cwd=source, capture_output=True, timeout=300, check=True)
    scratch = make_scratch_env(*sorted(wheels.glob("*.whl")), checkout=False)
    assert "pisco" in listed(scratch)["methods"]
    gap, figures, bundle = checked(scratch, ["-W", "ignore", "-c", SCRIPT], folder=tmp_path).split(maxsplit=2)
    assert float(gap) < 1e-4 and int(figures) >= 3 and "manifest.json" in bundle
    checked(scratch, ["-m", "unbraid", "new", "born-from-a-wheel"], folder=tmp_path)
    assert (tmp_path / "born-from-a-wheel" / "src" / "unbraid_born_from_a_wheel" / "model.py").is_file()
