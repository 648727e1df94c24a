"""`unbraid bundle verify` as people run it: in a process of its own that cannot import torch."""

import json
import shutil
import subprocess
import sys

import pytest
from safetensors.numpy import load_file, save_file

from unbraid.__main__ import main
from unbraid.core.artefacts import write_json
from unbraid.core.artefacts.manifest import MANIFEST, describe_folder

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from unbraid.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def folder(exported, tmp_path):
    return shutil.copytree(exported.folder, tmp_path / "bundle")


def relist(folder):
    (folder / MANIFEST).unlink()
    write_json(folder / MANIFEST, describe_folder(folder, "bundle"))


def verify(folder, capsys, *options):
    code = main(["bundle", "verify", str(folder), *options])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_good_bundle_passes_without_torch_and_says_what_was_checked(exported):
    command = [sys.executable, "-W", "error", "-c", WITHOUT_TORCH, "bundle", "verify", str(exported.folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(":", 1) for line in done.stdout.splitlines()[:-1])
    assert {"files", "manifest", "triton"} <= lines.keys()
    for name in exported.report.graphs:
        assert "opset 20" in lines[f"graph {name}"]
        assert lines[f"samples of {name}"].split()[:2] == ["8", "rows,"]
    assert done.stdout.splitlines()[-1] == "the bundle is whole"


def test_an_altered_file_ends_it_before_any_graph_is_looked_at(folder, capsys):
    path = folder / "models/encode/1/model.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    code, out, err = verify(folder, capsys)
    assert (code, out) == (1, "")
    assert "model.onnx is altered" in err and "expected" in err


def samples(folder, change):
    path = folder / "samples/out.safetensors"
    stored = load_file(path)
    change(stored)
    save_file(stored, path)
    relist(folder)


def test_a_runtime_that_gives_other_numbers_is_named(folder, capsys):
    samples(folder, lambda stored: stored["decode.image"].__iadd__(1e-3))
    code, _, err = verify(folder, capsys)
    assert code == 1 and "graph decode: output image differs" in err
    assert verify(folder, capsys, "--tolerance", "0.01")[0] == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda stored: stored.pop("decode.image"),
        lambda stored: stored.update({"sing.song": stored["decode.image"]}),
        lambda stored: stored.update({"decode.image": stored["decode.image"][:2]}),
        lambda stored: stored.update({"decode.image": stored["decode.image"].astype(float)}),
        lambda stored: stored.update({"decode.image": stored["decode.image"][:, :, :4]}),
        lambda stored: stored["decode.image"].__imul__(float("nan")),
    ],
)
def test_samples_of_something_else_are_refused(folder, capsys, change):
    samples(folder, change)
    code, _, err = verify(folder, capsys)
    assert code == 1 and "out.safetensors" in err


def test_a_folder_that_is_no_bundle_is_refused(tmp_path, capsys):
    assert verify(tmp_path, capsys)[0] == 1
    assert verify(tmp_path / "nothing", capsys)[0] == 2
    (tmp_path / MANIFEST).write_text(json.dumps({"format": "something else"}))
    assert verify(tmp_path, capsys)[0] == 1
