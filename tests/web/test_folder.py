"""The folder `unbraid export --web` writes."""

import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

import unbraid
from unbraid.core.cli.export import _from_recipe
from unbraid.core.cli.main import cli
from unbraid.core.errors import ArtefactError, DamagedArtefactError
from unbraid.core.web import Runtime, write_page_folder
from unbraid.core.web.runtime import FILES

PAGE = Path(__file__).parents[2] / "core" / "web" / "page"
RUNTIME = Runtime("1.99.0", {name: name.encode() for name in FILES.values()})


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head that was never trained, with the recipe that names its data."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "recipe.yaml").write_text(f"dataset: glyphs\nbackbone: vae\nmethod: fden\nout: {folder}\n")
    unbraid.attach("fden", unbraid.load_backbone("vae")).save(folder / "head")
    return folder


@pytest.fixture(scope="module")
def onnxruntime_web(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive in the form npm packs, with files that run nothing."""
    folder = tmp_path_factory.mktemp("package") / "package"
    (folder / "dist").mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text(name)
    (folder / "package.json").write_text('{"name": "onnxruntime-web", "version": "1.99.0"}')
    with tarfile.open(folder.parent / "packed.tgz", "w:gz") as archive:
        archive.add(folder, "package")
    return folder.parent / "packed.tgz"


@pytest.fixture(scope="module")
def site(run_folder: Path, onnxruntime_web: Path) -> Path:
    page = run_folder / "page"
    arguments = ["export", str(run_folder / "recipe.yaml"), "--web", str(page), "--ort-web", str(onnxruntime_web)]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert f"--directory {page}" in done.output
    return page


def test_the_folder_holds_the_page_the_bundle_and_what_runs_it(site: Path) -> None:
    for file in PAGE.rglob("*.*"):
        assert (site / file.relative_to(PAGE)).read_bytes() == file.read_bytes()
    assert json.loads((site / "page.json").read_text()) == {
        "engine": "browser",
        "bundle": "bundle/",
        "runtime": "1.99.0",
    }
    assert {path.name for path in (site / "runtime").iterdir()} == {*FILES.values(), "LICENSE.txt"}
    assert unbraid.load_bundle(site / "bundle").verify()


def test_the_first_pictures_of_a_recipe_are_of_many_classes(run_folder: Path) -> None:
    _, pictures = _from_recipe(run_folder / "recipe.yaml", ())
    data = unbraid.load_dataset("glyphs")
    rows = {data.images[row].tobytes(): row for row in data.rows(content="test")}
    first = [rows[picture.tobytes()] for picture in pictures[:8]]
    assert len(set(data.labels["content"][first])) == 8 and len(set(data.labels["style"][first])) >= 6


def test_a_page_is_replaced_by_a_page_and_by_nothing_else(site: Path, tmp_path: Path) -> None:
    bundle = site / "bundle"
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


def test_an_altered_bundle_gets_no_page(site: Path, tmp_path: Path) -> None:
    write_page_folder(site / "bundle", tmp_path / "page", RUNTIME)
    graph = tmp_path / "page" / "bundle" / "models" / "encode" / "1" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"!")
    with pytest.raises(DamagedArtefactError):
        write_page_folder(tmp_path / "page" / "bundle", tmp_path / "next", RUNTIME)


@pytest.mark.parametrize("script", sorted(path.relative_to(PAGE).as_posix() for path in PAGE.rglob("*.js")))
def test_a_script_is_valid_and_typed(script: str, node: str) -> None:
    text = (PAGE / script).read_text(encoding="utf-8")
    done = subprocess.run([node, "--check", "--input-type=module"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert text.startswith("/**") and "innerHTML" not in text and "http://" not in text and "https://" not in text
