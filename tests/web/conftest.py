"""A page folder with a real bundle, a file server, node and a browser; each made once, and only where it is there."""

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from page_visit import Served, serve

import unbraid
from unbraid.core.cli.main import cli
from unbraid.core.errors import MissingDependencyError
from unbraid.core.web import Runtime, find_runtime, write_page_folder
from unbraid.core.web.runtime import FILES

#: What browsers of this kind are called.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed")
    return found


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head that was never trained, with the recipe that names its data."""
    folder = tmp_path_factory.mktemp("run")
    recipe = f"dataset: glyphs\nbackbone: {{name: vae, weights: 'builtin:glyphs'}}\nmethod: fden\nout: {folder}\n"
    (folder / "recipe.yaml").write_text(recipe)
    unbraid.attach("fden", unbraid.load_backbone("vae", weights="builtin:glyphs")).save(folder / "head")
    return folder


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package in the form npm packs, whose files run nothing."""
    package = tmp_path_factory.mktemp("package")
    for name in FILES:
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_text(name)
    (package / "package.json").write_text('{"name": "onnxruntime-web", "version": "1.99.0"}')
    with tarfile.open(package / "packed.tgz", "w:gz") as archive:
        archive.add(package, "package", filter=lambda member: None if member.name.endswith("tgz") else member)
    return package / "packed.tgz"


@pytest.fixture(scope="session")
def page(run_folder: Path, packed: Path) -> Path:
    """What the command writes."""
    page = run_folder / "page"
    command = ["export", str(run_folder / "recipe.yaml"), "--web", str(page), "--ort-web", str(packed)]
    done = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert f"--directory {page}" in done.output and "noise" not in done.output
    return page


@pytest.fixture(scope="session")
def two_heads(run_folder: Path, runtime: Runtime, packed: Path) -> Path:
    """A page with two heads over one backbone: one goes both ways, the other only takes apart."""
    raw = unbraid.attach("prototype", unbraid.load_backbone("vae", weights="builtin:glyphs"), preset="raw")
    raw.save(run_folder / "raw")
    out, page = run_folder / "two", run_folder / "two-page"
    heads = [f"fden={run_folder / 'head'}", f"raw={run_folder / 'raw'}"]
    command = ["export", *heads, "--out", str(out), "--web", str(page), "--ort-web", str(packed)]
    done = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "samples are noise" in done.output
    return write_page_folder(out, page, runtime)


@pytest.fixture(scope="session")
def bundle(page: Path) -> Any:
    return unbraid.load_bundle(page / "bundle")


@pytest.fixture(scope="session")
def runtime() -> Runtime:
    """The real onnxruntime-web, from the cache of this user or by npm."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("npm_config_fetch_retries", "0")
        try:
            return find_runtime()
        except MissingDependencyError as error:
            pytest.skip(f"onnxruntime-web is not here: {error}")


@pytest.fixture(scope="session")
def site(page: Path, runtime: Runtime, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with what really runs it."""
    return write_page_folder(page / "bundle", tmp_path_factory.mktemp("site") / "page", runtime)


@pytest.fixture(scope="session")
def served(site: Path) -> Iterator[Served]:
    yield from serve(site)


@pytest.fixture(scope="module")  # while Playwright is open an event loop runs, and tests elsewhere want their own
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip(f"none of {', '.join(CHROMIUM)} is installed")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path)
        yield chromium
        chromium.close()
