"""The folder `unbraid export --web` writes."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_visit import Served, Visit
from safetensors.numpy import load_file

import unbraid
from unbraid.core.errors import ArtefactError, DamagedArtefactError
from unbraid.core.web import Runtime, write_page_folder
from unbraid.core.web.runtime import FILES

PAGE = Path(__file__).parents[2] / "core" / "web" / "page"
RUNTIME = Runtime("1.99.0", {name: name.encode() for name in FILES.values()})


def test_the_folder_holds_the_page_the_bundle_and_what_runs_it(page: Path) -> None:
    for file in PAGE.rglob("*.*"):
        assert (page / file.relative_to(PAGE)).read_bytes() == file.read_bytes()
    settings = json.loads((page / "page.json").read_text())
    assert settings == {
        "engine": "browser",
        "bundles": [{"name": "bundle", "address": "bundle/", "prefix": ""}],
        "runtime": "1.99.0",
    }
    assert {path.name for path in (page / "runtime").iterdir()} == {*FILES.values(), "LICENSE.txt"}
    assert unbraid.load_bundle(page / "bundle").verify()


def test_the_samples_of_a_recipe_are_of_many_classes(page: Path) -> None:
    samples = load_file(page / "bundle" / "samples" / "in.safetensors")["encode.image"]
    data = unbraid.load_dataset("glyphs")
    rows = {data.images[row].tobytes(): row for row in data.rows(content="test")}
    kept = [rows[np.rint(sample * 255).astype(np.uint8).tobytes()] for sample in samples]
    assert len(set(data.labels["content"][kept])) == 8 and len(set(data.labels["style"][kept])) >= 6


def test_a_page_is_replaced_by_a_page_and_by_nothing_else(page: Path, tmp_path: Path) -> None:
    bundle = page / "bundle"
    for _ in range(2):
        write_page_folder(bundle, tmp_path / "page", RUNTIME)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.txt").write_text("dear")
    for taken in (tmp_path / "letters", bundle):
        with pytest.raises(ArtefactError, match="something else"):
            write_page_folder(bundle, taken, RUNTIME)
    with pytest.raises(ArtefactError):
        write_page_folder(tmp_path / "letters", tmp_path / "other", RUNTIME)
    assert not (tmp_path / "other").exists()


def test_an_altered_bundle_gets_no_page(page: Path, tmp_path: Path) -> None:
    write_page_folder(page / "bundle", tmp_path / "page", RUNTIME)
    graph = tmp_path / "page" / "bundle" / "models" / "encode" / "1" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"!")
    with pytest.raises(DamagedArtefactError):
        write_page_folder(tmp_path / "page" / "bundle", tmp_path / "next", RUNTIME)


def test_it_runs_in_a_browser_and_does_what_python_does(browser: Any, served: Served, bundle: Any) -> None:
    """The one test of the page that every change runs; `test_page.py` has the rest."""
    samples = load_file(bundle.path / "samples" / "in.safetensors")["encode.image"]
    visit = Visit(browser, served.address).ready()
    a, b = samples[:1], samples[1:2]
    for cell, (content, style) in {"AA": (a, a), "AB": (a, b), "BA": (b, a), "BB": (b, b)}.items():
        visit.shows(f"#swap-{cell}", bundle.transfer(content=content, style=style)[0])
    grid = bundle.interpolate(a, b, steps=5)[:, :, 0]
    visit.shows("#mix", grid[2, 2])
    visit.shows("#map", np.concatenate([np.concatenate(list(line), axis=2) for line in grid], axis=1))
    visit.close()


@pytest.mark.parametrize("script", sorted(path.relative_to(PAGE).as_posix() for path in PAGE.rglob("*.js")))
def test_a_script_is_valid_and_typed(script: str, node: str) -> None:
    text = (PAGE / script).read_text(encoding="utf-8")
    done = subprocess.run(
        [node, "--check", "--input-type=module"], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert text.startswith("/**") and "innerHTML" not in text and "http://" not in text and "https://" not in text
