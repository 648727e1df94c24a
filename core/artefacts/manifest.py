"""The list of what belongs to an artefact, and the check against it."""

import os
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from typing import Any

from unbraid.core.artefacts.documents import read_json
from unbraid.core.artefacts.storage import leftovers, storage_errors
from unbraid.core.errors import ArtefactError, DamagedArtefactError, FormatVersionError

#: Name of the list, written last.
MANIFEST = "CHECKSUMS.json"
#: What marks a folder as ours.
FORMAT = "unbraid-artefact"
#: Version of the list this version writes; it reads this one and older ones.
FORMAT_VERSION = 1

_AGAIN = "copy or make it again"


def describe_folder(folder: Path, kind: str) -> dict[str, Any]:
    """Make the manifest of a folder: every file below it with size and sha256.

    Raises:
        ArtefactError: the folder holds a link or something else that is no plain file.
    """
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in walk(folder)
    }
    return {"format": FORMAT, "version": FORMAT_VERSION, "kind": kind, "files": files}


def walk(folder: Path) -> Iterator[Path]:
    """Give the plain files below a folder, in a stable order; links and other things are refused."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
            raise ArtefactError(
                f"{entry.path} is no plain file", expected="files and folders", found="a link or device"
            )
        if entry.is_dir():
            yield from walk(Path(entry.path))
        else:
            yield Path(entry.path)


def sha256_of(path: Path) -> str:
    """Give the sha256 of a file in hexadecimal."""
    with open(path, "rb") as file:
        return file_digest(file, "sha256").hexdigest()


def verify_folder(path: Path | str, *, kind: str | None = None) -> dict[str, Any]:
    """Check every listed file of an artefact; files that are not listed are nobody's and are not looked at.

    Args:
        path: the folder.
        kind: what it must be (`head`, `bundle`, `checkpoint`, ...); None takes any.

    Returns:
        The manifest: `kind`, `version`, and `files`, name -> `bytes` and `sha256`.

    Raises:
        DamagedArtefactError: the manifest or a file is missing, truncated, longer, altered, or a link.
        FormatVersionError: a newer version wrote it.
        ArtefactError: there is no such folder, or it is of another kind.
    """
    path = Path(path)
    with storage_errors(path, "read"):
        manifest = read_manifest(path)
    if kind is not None and manifest["kind"] != kind:
        raise ArtefactError(f"{path} is no {kind}", expected=f"a {kind}", found=f"a {manifest['kind']}")
    with storage_errors(path, "read"):
        for name, entry in manifest["files"].items():
            _verify_file(path, name, entry)
    return manifest


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a folder without looking at the files; raises as `verify_folder`."""
    if not path.is_dir():
        kept = leftovers(path, "old")
        raise ArtefactError(
            f"there is no folder {path}",
            expected=f"a folder with {MANIFEST}",
            found="a file" if path.exists() else "nothing",
            hint=f"an interrupted save kept the version before at {kept[-1]}: rename it to {path.name}"
            if kept
            else None,
        )
    if not os.path.lexists(path / MANIFEST):
        raise DamagedArtefactError(
            f"{path} is no complete artefact",
            expected=f"{MANIFEST}, which is written last",
            found=", ".join(sorted(os.listdir(path))[:5]) or "an empty folder",
            hint=_AGAIN,
        )
    _refuse_links(path, MANIFEST)
    return _checked(path / MANIFEST, read_json(path / MANIFEST))


def _checked(path: Path, found: Any) -> dict[str, Any]:
    manifest: dict[str, Any] = found if isinstance(found, dict) and found.get("format") == FORMAT else {}
    version = manifest.get("version")
    if type(version) is not int or version < 1:
        raise DamagedArtefactError(f"{path} is no manifest of ours", expected=f'"format": "{FORMAT}"', hint=_AGAIN)
    if version > FORMAT_VERSION:
        raise FormatVersionError(
            f"{path.parent} was written by a newer version of Unbraid",
            expected=f"format version {FORMAT_VERSION} or older",
            found=f"format version {version}",
            hint="pip install --upgrade unbraid",
        )
    files = manifest.get("files")
    if (
        not isinstance(manifest.get("kind"), str)
        or not isinstance(files, dict)
        or not all(map(_is_entry, files.values()))
    ):
        raise DamagedArtefactError(f"{path} is altered", expected="kind, and bytes and sha256 per file", hint=_AGAIN)
    return manifest


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and type(entry.get("bytes")) is int and isinstance(entry.get("sha256"), str)


def _verify_file(folder: Path, name: str, entry: dict[str, Any]) -> None:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\\" in name or ":" in name:
        raise DamagedArtefactError(
            f"{folder / MANIFEST} names a file outside its folder", found=repr(name), hint=_AGAIN
        )
    _refuse_links(folder, name)
    path = folder / name
    if not path.is_file():
        raise DamagedArtefactError(
            f"{path} is missing", expected=f"{entry['bytes']} bytes", found="no file", hint=_AGAIN
        )
    size = path.stat().st_size
    if size != entry["bytes"]:
        problem = "is truncated" if size < entry["bytes"] else "is longer than it was written"
        expected, found = f"{entry['bytes']} bytes", f"{size} bytes"
        raise DamagedArtefactError(f"{path} {problem}", expected=expected, found=found, hint=_AGAIN)
    digest = sha256_of(path)
    if digest != entry["sha256"]:
        expected, found = f"sha256 {entry['sha256']}", f"sha256 {digest}"
        raise DamagedArtefactError(f"{path} is altered", expected=expected, found=found, hint=_AGAIN)


def _refuse_links(folder: Path, name: str) -> None:
    """Refuse a link anywhere between the folder and the file: it could lead out of the artefact."""
    path = folder
    for part in PurePosixPath(name).parts:
        path = path / part
        if path.is_symlink():
            raise DamagedArtefactError(f"{path} is a link", expected="a plain file", found=f"-> {os.readlink(path)}")
