"""Where onnxruntime-web comes from, and what is said when it is not there."""

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from unbraid.core.errors import ArtefactError, DamagedArtefactError, MissingDependencyError
from unbraid.core.web import find_runtime
from unbraid.core.web.runtime import FILES, cache_folder


def package(folder: Path, *, name: str = "onnxruntime-web", files: tuple[str, ...] = tuple(FILES)) -> Path:
    """Lay out a package as it lies in node_modules; the bytes of its files are their names."""
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(file)
    (folder / "package.json").write_text(json.dumps({"name": name, "version": "1.99.0"}))
    return folder


def packed(folder: Path, path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, "package")
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cache_folder()


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm that may look nowhere but in this folder; give it a package there to pack."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    return tmp_path


def test_a_package_is_read_from_a_folder_and_from_an_archive(tmp_path: Path) -> None:
    folder = package(tmp_path / "onnxruntime-web")
    for source in (folder, packed(folder, tmp_path / "packed.tgz")):
        runtime = find_runtime(source)
        assert runtime.version == "1.99.0"
        assert runtime.files == {kept: name.encode() for name, kept in FILES.items()}


def test_another_package_or_a_part_of_one_is_refused(tmp_path: Path) -> None:
    other = package(tmp_path / "other", name="onnxruntime-node")
    part = package(tmp_path / "part", files=tuple(FILES)[:1])
    (tmp_path / "notes.tgz").write_text("no archive")
    (package(tmp_path / "odd") / "package.json").write_text("[]")
    sources = {
        other: "onnxruntime-node",
        packed(other, tmp_path / "other.tgz"): "onnxruntime-node",
        part: "ort-wasm-simd-threaded.wasm",
        packed(part, tmp_path / "part.tgz"): "ort-wasm-simd-threaded.wasm",
        tmp_path / "notes.tgz": "not a gzip file|could not be opened",
        tmp_path / "odd": "package.json",
        tmp_path: "package.json",
    }
    for source, found in sources.items():
        with pytest.raises(ArtefactError, match=found) as raised:
            find_runtime(source)
        assert "npm pack onnxruntime-web" in str(raised.value)


def test_without_npm_it_says_what_to_do(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingDependencyError, match="--ort-web"):
        find_runtime()


def test_without_a_registry_it_says_what_to_do(cache: Path, npm: Path) -> None:
    with pytest.raises(MissingDependencyError, match="npm cannot fetch") as raised:
        find_runtime()
    assert "--ort-web" in str(raised.value)
    assert not list(cache.iterdir())


def test_what_npm_fetched_is_kept_and_checked(cache: Path, npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = packed(package(npm / "onnxruntime-web"), npm / "source.tgz")
    monkeypatch.setattr("unbraid.core.web.runtime.RANGE", str(source))  # npm packs archives as it packs names
    assert find_runtime().version == "1.99.0"
    monkeypatch.setenv("PATH", "")
    assert find_runtime().version == "1.99.0"

    (kept,) = cache.glob("*.tgz")
    kept.write_bytes(kept.read_bytes()[:-1] + b"!")
    with pytest.raises(DamagedArtefactError, match="delete"):
        find_runtime()
