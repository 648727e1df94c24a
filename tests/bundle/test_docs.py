"""The page about bundles: its example runs as it stands, and its table names every field."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

import unbraid
from unbraid.core.bundle import GRAPH_NAME, TENSOR_NAME
from unbraid.core.serving.samples import SAMPLE_TOLERANCE

PAGE = (Path(__file__).parents[2] / "docs" / "bundle.md").read_text()


def test_the_example_runs_with_numpy_and_onnxruntime_alone(exported, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "my-bundle").symlink_to(exported.folder)
    code += "\nimport sys; assert not {'torch', 'unbraid'} & set(sys.modules)\nnp.save('swapped.npy', swapped)\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    x = exported.images.numpy()
    expected = unbraid.load_bundle(exported.folder).transfer(content=x[:1], style=x[1:2])
    assert np.array_equal(np.load(tmp_path / "swapped.npy"), expected)


def test_the_table_names_every_field(exported):
    manifest = json.loads((exported.folder / "manifest.json").read_text())
    fields = {name for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) for name in re.findall("`(.*?)`", row)}
    assert manifest.keys() <= fields
    assert {f"heads.*.{name}" for name in manifest["heads"]["default"]} <= fields
    (listed,) = re.findall(r"^\| `graphs` \| (.*) \|$", PAGE, re.MULTILINE)
    told = {*re.findall("`(.*?)`", listed), *(name.removeprefix("graphs.*.") for name in fields)}
    assert manifest["graphs"]["encode"].keys() <= told


def test_the_figures_and_names_on_the_page_are_those_in_the_code(exported):
    assert GRAPH_NAME.pattern in PAGE and TENSOR_NAME.pattern in PAGE
    assert SAMPLE_TOLERANCE == {"float32": 1e-5, "float16": 1e-2, "int8": 5e-2}
    tree = {path.relative_to(exported.folder).as_posix() for path in exported.folder.rglob("*") if path.is_file()}
    for name in ("manifest.json", "CHECKSUMS.json", "LICENSES", "README.md", "samples/in.safetensors"):
        assert name in PAGE and name in tree
