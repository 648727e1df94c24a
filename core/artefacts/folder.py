"""Folders that appear whole or not at all."""

import ctypes
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from unbraid.core.artefacts.documents import write_json
from unbraid.core.artefacts.manifest import MANIFEST, describe_folder, read_manifest, walk
from unbraid.core.artefacts.storage import (
    check_free_space,
    fsync_file,
    fsync_folder,
    leftovers,
    remove,
    storage_error,
    storage_errors,
    sweep,
    unfinished_name,
)
from unbraid.core.errors import ArtefactError, FormatVersionError


@contextmanager
def atomic_folder(path: Path | str, *, kind: str, needs: int = 0) -> Iterator[Path]:
    """Give a hidden sibling folder to fill; on success it becomes `path`, otherwise nothing has happened.

    When the block ends, every file is synced, the manifest is written last, and the folder takes its name (and the
    place of an artefact of the same kind that was there) by rename. Parent folders are made.

    Args:
        path: what the folder will be called.
        kind: `head`, `bundle`, `checkpoint`, ...: stored, and checked by readers.
        needs: bytes that must be free before anything is written.

    Raises:
        ArtefactError: a file, a link, an artefact of another kind, or a folder with files of somebody else is there.
        StorageError: the disk is full, read-only, or permission is missing. What was there is intact.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     with atomic_folder(Path(root, "note"), kind="note") as folder:
    ...         _ = (folder / "text.txt").write_text("hello")
    ...     sorted(p.name for p in Path(root, "note").iterdir())
    ['CHECKSUMS.json', 'text.txt']
    """
    path = Path(os.path.abspath(path))
    refuse_foreign(path, kind)
    check_free_space(path, needs)
    temporary = unfinished_name(path, "new")
    try:
        with storage_errors(path):
            _tidy(path)
            temporary.mkdir(parents=True)
            yield temporary
        _publish(temporary, path, kind)
    finally:
        remove(temporary)


def refuse_foreign(path: Path, kind: str) -> None:
    """Raise `ArtefactError` where writing an artefact of this kind to `path` would lose something that is not ours."""
    with storage_errors(path):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            found = f"a link to {os.readlink(path)}" if path.is_symlink() else "a file"
            raise ArtefactError(
                f"{path} is in the way", expected="nothing, or a folder of ours", found=found, hint=_ELSEWHERE
            )
        foreign = _foreign(path, kind) if path.is_dir() and os.listdir(path) else None
    if foreign:
        raise ArtefactError(
            f"{path} holds something else, which would be lost",
            expected=f"nothing, or a {kind} to replace",
            found=foreign,
            hint=_ELSEWHERE,
        )


_ELSEWHERE = "write to another folder, or move it away"


def _foreign(path: Path, kind: str) -> str | None:
    try:
        manifest = read_manifest(path)
    except FormatVersionError:
        return "an artefact of a newer version of Unbraid"
    except ArtefactError:
        return f"a folder with {', '.join(sorted(os.listdir(path))[:5])}"
    if manifest["kind"] != kind:
        return f"a {manifest['kind']}"
    listed = {MANIFEST, *manifest["files"]}
    others = [name for name in (p.relative_to(path).as_posix() for p in walk(path)) if name not in listed]
    return f"files that were not written with it: {', '.join(others[:5])}" if others else None


def _tidy(path: Path) -> None:
    """Clear what killed processes left beside `path`; bring back a version they had moved aside."""
    for aside in leftovers(path, "old"):
        if not path.exists():
            os.rename(aside, path)
        remove(aside)
    sweep(path, "new")


def _publish(temporary: Path, path: Path, kind: str) -> None:
    size = 0
    try:
        if os.path.lexists(temporary / MANIFEST):  # also another spelling of it, where case does not count
            raise ArtefactError(f"{path}: {MANIFEST} is a reserved name", hint="give that file another name")
        manifest = describe_folder(temporary, kind)
        size = sum(entry["bytes"] for entry in manifest["files"].values())
        _sync(temporary)
        write_json(temporary / MANIFEST, manifest)
        fsync_file(temporary / MANIFEST)
        fsync_folder(temporary)
        refuse_foreign(path, kind)
        replace_folder(temporary, path)
        fsync_folder(path.parent)
    except OSError as error:
        raise storage_error(error, path, needed=size) from error


def _sync(folder: Path) -> None:
    for file in walk(folder):
        fsync_file(file)
    for inner, _, _ in os.walk(folder, topdown=False):
        fsync_folder(Path(inner))


def replace_folder(source: Path, target: Path) -> None:
    """Rename a folder over another, which afterwards is gone; at once where the system can swap names."""
    if not target.exists() or not os.listdir(target):
        os.rename(source, target)  # an empty folder gives way
    elif exchange(source, target):
        remove(source)
    else:
        replace_by_moving_aside(source, target)


def replace_by_moving_aside(source: Path, target: Path) -> None:
    """Do the same in two renames; `target` is back in its place if the second fails."""
    aside = unfinished_name(target, "old")
    os.rename(target, aside)
    try:
        os.rename(source, target)
    except BaseException:
        with suppress(OSError):
            os.rename(aside, target)
        raise
    remove(aside)


def exchange(first: Path, second: Path) -> bool:
    """Swap two names in one step (Linux `renameat2`); False where the system or file system cannot."""
    if sys.platform != "linux":
        return False
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if renameat2(here, os.fsencode(first), here, os.fsencode(second), swap) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(second))
