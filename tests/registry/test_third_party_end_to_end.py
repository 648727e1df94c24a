"""A third party's method, installed beside broken ones, goes the whole way of a user."""

import json
from pathlib import Path
from typing import Any

import pytest

#: What a user types, on modules of their own and on a built-in backbone that comes back by itself.
SCRIPT = """
import dataclasses, json, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import numpy as np
import torch
from torch import nn
import unbraid

torch.set_num_threads(1)
torch.manual_seed(0)
out = Path(sys.argv[1])
report = {}
dataset = unbraid.load_dataset("glyphs")
some = np.arange(0, len(dataset), 5)
labels = {role: label[some] for role, label in dataset.labels.items()}
dataset = dataclasses.replace(dataset, images=dataset.images[some], labels=labels, _fingerprint=[])
images = dataset.images[np.arange(0, len(dataset), 80)]

own = unbraid.freeze(
    nn.Sequential(nn.Flatten(), nn.Linear(784, 12)),
    nn.Sequential(nn.Linear(12, 784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28))),
    input=(1, 28, 28),
)
vae = unbraid.load_backbone("vae", weights="builtin:glyphs")
for name, backbone in {"own": own, "vae": vae}.items():
    fingerprint = backbone.fingerprint
    model = unbraid.attach("echo_split", backbone, preset="wide", echo=0.3)
    result = model.fit(dataset, steps=30, quiet=True, out=out / name / "run")
    factors = model.disentangle(images)
    model.save(out / name / "head")
    loaded = unbraid.load(out / name / "head", None if name == "vae" else own)
    again = loaded.disentangle(images)
    model.export(out / name / "bundle")
    served = unbraid.load_bundle(out / name / "bundle")
    theirs = served.disentangle(images)
    swapped = model.transfer(content=images, style=images[::-1].copy()).numpy()
    report[name] = {
        "steps": result.steps,
        "config": [loaded.config.width, loaded.config.echo],
        "shapes": {k: list(v.shape) for k, v in factors.items()},
        "loaded is the same": all(torch.equal(again[k], v) for k, v in factors.items()),
        "bundle gap": max(float(np.abs(theirs[k] - v.numpy()).max()) for k, v in factors.items()),
        "swap gap": float(np.abs(served.transfer(content=images, style=images[::-1]) - swapped).max()),
        "backbone is the same": backbone.fingerprint == fingerprint,
        "provider": json.loads((out / name / "head" / "config.json").read_text())["method"],
        "rows": len(images),
    }
print(json.dumps(report))
"""

BROKEN = {"raises_at_import", "exits_at_import", "wrong_signature", "newer_api"}


@pytest.fixture(scope="module")
def report(scratch_env: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("third-party")
    threads = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    done = scratch_env.run(["-c", SCRIPT, str(out)], env=threads, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) | {"out": str(out)}


def test_it_is_listed_beside_the_built_in_ones(scratch_env: Any) -> None:
    done = scratch_env.run(["-m", "unbraid", "list", "--json"])
    listing = json.loads(done.stdout)
    (entry,) = [each for each in listing["methods"] if each["name"] == "echo_split"]
    assert entry["provider"].startswith("good") and entry["summary"].startswith("Cut the latent")
    assert {"fden", "prototype"} <= {each["name"] for each in listing["methods"]}


def test_broken_neighbours_are_named_and_cost_only_themselves(scratch_env: Any) -> None:
    done = scratch_env.run(["-m", "unbraid", "list", "methods"])
    assert done.returncode == 0 and "echo_split" in done.stdout
    for name in BROKEN:
        assert f"plug-in {name!r}" in done.stderr


@pytest.mark.parametrize("backbone", ["own", "vae"])
def test_it_is_trained_saved_loaded_exported_and_run(report: dict[str, Any], backbone: str) -> None:
    found = report[backbone]
    assert found["steps"] == 30 and found["config"] == [6, 0.3]
    assert found["shapes"] == {"echo": [found["rows"], 6], "remainder": [found["rows"], 6]}
    assert found["loaded is the same"] and found["backbone is the same"]
    assert found["bundle gap"] <= 1e-4 and found["swap gap"] <= 1e-5
    assert found["provider"]["distribution"] == "good" and found["provider"]["version"] == "1.2"


def test_a_head_without_its_plugin_says_what_to_install(scratch_env: Any, report: dict[str, Any]) -> None:
    code = """
import sys, unbraid
try:
    unbraid.load(sys.argv[1])
except unbraid.UnbraidError as error:
    print(error)
    sys.exit(error.exit_code)
"""
    head = str(Path(report["out"], "vae", "head"))
    done = scratch_env.run(["-W", "ignore", "-c", code, head], env={"UNBRAID_DISABLE_PLUGINS": "good"})
    assert done.returncode == 2
    assert "good:echo_split" in done.stdout and "pip install good" in done.stdout and "1.2" in done.stdout


def test_a_wrong_setting_of_a_third_party_is_refused_in_its_words(scratch_env: Any) -> None:
    code = """
import unbraid
for setting in ({"widht": 3}, {"width": 0}):
    try:
        unbraid.attach("echo_split", None, **setting)
    except unbraid.UnbraidError as error:
        print(error.exit_code, error)
"""
    done = scratch_env.run(["-W", "ignore", "-c", code])
    assert "did you mean 'width'" in done.stdout and "width counts from 1" in done.stdout
    assert [line[:2] for line in done.stdout.splitlines() if line[:1].isdigit()] == ["2 ", "2 "]
