"""The files of a folder somebody else may have made, looked at before any is read."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from unbraid.core.errors import DamagedArtefactError

#: Largest ONNX file; protobuf has the same limit.
MAX_GRAPH_BYTES = 2**31 - 1
#: Largest manifest.
MAX_MANIFEST_BYTES = 2**22
#: Most files, and most folders in one another, a bundle may have.
MAX_FILES = 2**12
MAX_DEPTH = 8


def look_at_files(folder: Path, max_bytes: int) -> list[str]:
    """Give the paths of all files below a folder, relative to it; none is opened.

    A link could lead out of the bundle, a device never ends, and names that differ in case alone are one file
    elsewhere.

    Raises:
        DamagedArtefactError: there are links, hard links, devices, too many or too large files, or colliding names.
    """
    seen: dict[str, str] = {}
    for entry in _entries(folder, 0):
        _check(entry, max_bytes)
        name = Path(entry.path).relative_to(folder).as_posix()
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise _strange(entry.path, "names that differ in more than case", f"{other} beside it")
        if len(seen) > MAX_FILES:
            raise _strange(str(folder), f"at most {MAX_FILES:,} files", "more")
    return list(seen.values())


def _entries(folder: Path | str, depth: int) -> "Iterator[os.DirEntry[str]]":
    if depth > MAX_DEPTH:
        raise _strange(str(folder), f"at most {MAX_DEPTH} folders in one another", "more")
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path, depth + 1)
            else:
                yield entry


def _check(entry: "os.DirEntry[str]", max_bytes: int) -> None:
    status = entry.stat(follow_symlinks=False)
    limit = MAX_MANIFEST_BYTES if entry.name.endswith(".json") else max_bytes
    if not stat.S_ISREG(status.st_mode):
        raise _strange(entry.path, "a plain file", "a link or device")
    if status.st_nlink > 1:
        raise _strange(entry.path, "a file with one name", f"a hard link ({status.st_nlink} names)")
    if status.st_size > limit:
        raise _strange(entry.path, f"at most {limit:,} bytes", f"{status.st_size:,} bytes")


def _strange(path: str, expected: str, found: str) -> DamagedArtefactError:
    return DamagedArtefactError(f"{path} is refused", expected=expected, found=found, hint="copy the bundle again")
