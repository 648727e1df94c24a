"""Write the page with a bundle as a folder any file server can serve."""

import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from unbraid.core.artefacts import atomic_folder, verify_folder, write_json
from unbraid.core.artefacts.manifest import MANIFEST
from unbraid.core.web.assets import SETTINGS, page_files
from unbraid.core.web.runtime import Runtime

#: Folder of the bundle beside the page.
BUNDLE = "bundle"


def write_page_folder(bundle: Path | str, path: Path | str, runtime: Runtime) -> Path:
    """Write a folder that runs a bundle in the browser; it needs no server but for its files, and no other host.

    Args:
        bundle: folder that `export` wrote.
        path: folder to write; a page that is there is replaced.
        runtime: what `find_runtime` gives.

    Returns:
        The path.

    Raises:
        DamagedArtefactError: the bundle is incomplete or altered.
        ArtefactError: there is no such bundle, or something else is where the page should be.
        StorageError: the disk is full, read-only, or permission is missing.
    """
    bundle, path = Path(bundle), Path(path)
    listed = verify_folder(bundle, kind="bundle")["files"]
    needed = sum(entry["bytes"] for entry in listed.values()) + sum(map(len, runtime.files.values()))
    with atomic_folder(path, kind="page", needs=needed) as folder:
        _write_files(folder, page_files())
        for name in (MANIFEST, *listed):
            _copy(bundle / name, folder / BUNDLE / name)
        _write_runtime(folder / "runtime", runtime)
        places = [{"name": bundle.resolve().name, "address": f"{BUNDLE}/", "prefix": ""}]
        write_json(folder / SETTINGS, {"engine": "browser", "bundles": places, "runtime": runtime.version})
    return path


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    for name, data in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)


def _write_runtime(folder: Path, runtime: Runtime) -> None:
    folder.mkdir()
    licence = files("unbraid.core.web") / "onnxruntime_licence.txt"
    _write_files(folder, runtime.files | {"LICENSE.txt": licence.read_bytes()})
