"""onnxruntime-web: the two files a browser needs to run graphs, from the package its makers publish on npm."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from unbraid.core.artefacts import atomic_file, read_json, storage_errors, write_json
from unbraid.core.errors import ArtefactError, DamagedArtefactError, MissingDependencyError

NAME = "onnxruntime-web"
#: What npm is asked for: the first version that was tried, and later ones that promise to be compatible.
RANGE = f"{NAME}@^1.30.0"
#: File of the package -> its name beside the page. Not `.mjs`: some file servers do not know it for JavaScript.
FILES = {
    "dist/ort.wasm.bundle.min.mjs": "ort.wasm.bundle.min.js",
    "dist/ort-wasm-simd-threaded.wasm": "ort-wasm-simd-threaded.wasm",
}
#: What npm may take for a download of 33 MB.
SECONDS = 600

_HINT = (
    f"run `npm pack {NAME}` on a machine that has npm and a network, and pass the file with --ort-web; or install npm"
)


@dataclass(frozen=True, slots=True)
class Runtime:
    """The files of onnxruntime-web: name beside the page -> bytes."""

    version: str
    files: dict[str, bytes]


def find_runtime(source: Path | None = None) -> Runtime:
    """Read onnxruntime-web from where it is, or let the user's npm fetch it once into a cache.

    Args:
        source: the package as npm packs it (`.tgz`) or as it lies in `node_modules`; None asks the cache, then npm.

    Returns:
        Its version and files.

    Raises:
        ArtefactError: `source` is not this package, or lacks a file.
        DamagedArtefactError: the cached file is not the one npm fetched.
        MissingDependencyError: nothing was given or cached, and npm is not there or cannot fetch it.
    """
    if source is None:
        return _read_archive(_cached() or _fetched())
    return _read_folder(source) if source.is_dir() else _read_archive(source)


def cache_folder() -> Path:
    """Give the folder in which the fetched package is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "unbraid" / NAME


def _cached() -> Path | None:
    record = cache_folder() / "record.json"
    if not record.is_file():
        return None
    kept = read_json(record)
    path = cache_folder() / Path(str(kept.get("file"))).name
    found = _integrity(path) if path.is_file() else "nothing"
    if found != kept.get("integrity"):
        hint = f"delete {cache_folder()}, and it is fetched again"
        raise DamagedArtefactError(f"{path} is altered", expected=kept.get("integrity"), found=found, hint=hint)
    return path


def _fetched() -> Path:
    """Let npm fetch the package: it checks the bytes against what the registry states, and we against what it says."""
    npm = shutil.which("npm")
    if npm is None:
        raise MissingDependencyError(f"a page needs {NAME}", expected="npm, or --ort-web", found="neither", hint=_HINT)
    with storage_errors(cache_folder()):
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
            name, integrity = _npm_pack(npm, folder)
            path = Path(folder, name)
            if _integrity(path) != integrity:
                raise DamagedArtefactError(f"{path} is not what npm fetched", expected=integrity)
            kept = path.replace(cache_folder() / name)
    with atomic_file(cache_folder() / "record.json") as temporary:
        write_json(temporary, {"file": name, "integrity": integrity})
    return kept


def _npm_pack(npm: str, folder: str) -> tuple[str, str]:
    """Let npm put the package into a folder; gives the name of the file and its hash."""
    try:
        # in the empty folder, so that no project's settings count
        done = subprocess.run(
            [npm, "pack", RANGE, "--json"], cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _not_fetched(str(error)) from error
    if done.returncode:
        raise _not_fetched(" ".join(done.stderr.split())[:300])
    try:
        (packed,) = json.loads(done.stdout)
        return Path(packed["filename"]).name, str(packed["integrity"])
    except (ValueError, KeyError, TypeError) as error:
        raise _not_fetched(f"an npm that answers in another form: {done.stdout[:100]}") from error


def _not_fetched(found: str) -> MissingDependencyError:
    return MissingDependencyError(f"npm cannot fetch {NAME}", expected=RANGE, found=found, hint=_HINT)


def _integrity(path: Path) -> str:
    with open(path, "rb") as file:
        return "sha512-" + base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()


def _read_folder(folder: Path) -> Runtime:
    def read(name: str) -> bytes:
        try:
            return (folder / name).read_bytes()
        except OSError as error:
            _not_the_package(folder, f"{name}: {error.strerror}")

    return _read(folder, read)


def _read_archive(path: Path) -> Runtime:
    try:
        with tarfile.open(path) as archive:
            return _read(path, lambda name: _member(archive, path, name))
    except (OSError, tarfile.TarError, EOFError) as error:
        _not_the_package(path, str(error))


def _member(archive: tarfile.TarFile, path: Path, name: str) -> bytes:
    try:
        file = archive.extractfile(f"package/{name}")  # read, never unpacked: no name of the archive becomes a path
    except KeyError:
        file = None
    if file is None:
        _not_the_package(path, f"no file {name}")
    return file.read()


def _read(path: Path, read: Callable[[str], bytes]) -> Runtime:
    try:
        package = json.loads(read("package.json"))
        name, version = package["name"], str(package["version"])
    except (ValueError, KeyError, TypeError) as error:
        _not_the_package(path, f"package.json: {error}")
    if name != NAME:
        _not_the_package(path, f"the package {name}")
    return Runtime(version, {kept: read(name) for name, kept in FILES.items()})


def _not_the_package(path: Path, found: str) -> NoReturn:
    raise ArtefactError(
        f"{path} cannot be used as {NAME}", expected=f"{RANGE} as npm packs it", found=found, hint=_HINT
    )
