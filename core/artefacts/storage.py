"""What every write needs: clear errors, fsync, free space, and names for files that are not finished."""

import errno
import os
import secrets
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Literal

from unbraid.core.errors import StorageError

_HINTS = {
    errno.ENOSPC: "free some space, or write to another disk",
    errno.EDQUOT: "free some of your quota, or write to another disk",
    errno.EROFS: "write to another folder: this file system is read-only",
    errno.EACCES: "check the permissions of the folder, or write to another one",
    errno.EPERM: "check the permissions and attributes of the folder, or write to another one",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f), or write to another file system",
    errno.EIO: "check the disk; the system log says more",
    errno.ENOTDIR: "a file is in the way of a folder: move it, or write to another folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.EBUSY: "something else uses the folder: close it, or write to another one",
}


def storage_error(
    error: OSError, path: Path, doing: Literal["read", "write"] = "write", *, needed: int | None = None
) -> StorageError:
    """Turn an `OSError` into the error users see; `needed` is how many bytes were to be written, where that is known."""
    code = error.errno or 0
    size = "" if not needed else f"{human_bytes(needed)} and "
    room = f"; {_free_text(path)}" if doing == "write" else ""
    return StorageError(
        f"could not {doing} {path}",
        expected=f"{size}permission to {doing} {error.filename or path}",
        found=f"{error.strerror or error} ({errno.errorcode.get(code, code)}){room}",
        hint=_HINTS.get(code, "write to another folder"),
    )


@contextmanager
def storage_errors(path: Path, doing: Literal["read", "write"] = "write") -> Iterator[None]:
    """Turn the storage faults of a block (disk full, read-only, no permission, ...) into `StorageError`.

    Other `OSError`s, such as a missing input file, pass unchanged.

    Args:
        path: what the block reads or writes; the message names it.
        doing: which of the two.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _HINTS:
            raise
        raise storage_error(error, path, doing) from error


def check_free_space(path: Path | str, needed: int) -> None:
    """Raise `StorageError` where the disk that holds `path` (which need not exist yet) has under `needed` bytes free."""
    path = Path(path)
    free = free_bytes(path)
    if free is not None and free < needed:
        raise StorageError(
            f"not enough room for {path}",
            expected=f"{human_bytes(needed)} free",
            found=f"{human_bytes(free)} free",
            hint="free some space, or write to another disk",
        )


def free_bytes(path: Path) -> int | None:
    """Give the bytes free for us where `path` is or would be; None where the system does not say."""
    for place in (path, *path.absolute().parents):
        with suppress(OSError):
            return shutil.disk_usage(place).free
    return None


def human_bytes(count: int) -> str:
    """Write a size for people.

    >>> human_bytes(512), human_bytes(20_000_000)
    ('512 bytes', '20.0 MB')
    """
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _free_text(path: Path) -> str:
    free = free_bytes(path)
    return "free space unknown" if free is None else f"{human_bytes(free)} free on that disk"


def fsync_file(path: Path) -> None:
    """Make the contents of a file survive a power cut."""
    with open(path, "rb+" if os.name == "nt" else "rb") as file:  # Windows syncs only what it may write
        os.fsync(file.fileno())


def fsync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut, where the system can."""
    if os.name == "nt":  # Windows opens no folders
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems sync names on their own
            raise
    finally:
        os.close(handle)


@contextmanager
def atomic_file(path: Path | str) -> Iterator[Path]:
    """Give a hidden sibling to write; on success it is synced and renamed to `path`, otherwise removed.

    Raises:
        StorageError: the disk is full, read-only, or permission is missing; what was at `path` is untouched.
    """
    path = Path(os.path.abspath(path))
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path, "new")
        temporary = unfinished_name(path, "new")
        try:
            yield temporary
            fsync_file(temporary)
            os.replace(temporary, path)
            fsync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def unfinished_name(path: Path, tag: str) -> Path:
    """Make the name of a hidden sibling that says which process it belongs to."""
    return path.with_name(f"{_prefix(path, tag)}{host_id()}-{os.getpid()}-{secrets.token_hex(4)}")


def leftovers(path: Path, tag: str) -> list[Path]:
    """Give the hidden siblings of `path` whose process on this machine is gone."""
    prefix = _prefix(path, tag)
    try:
        names = [name for name in os.listdir(path.parent) if name.startswith(prefix)]
    except OSError:
        return []
    return [path.with_name(name) for name in sorted(names) if _is_abandoned(name.removeprefix(prefix))]


def sweep(path: Path, tag: str) -> None:
    """Remove what killed processes left beside `path`."""
    for leftover in leftovers(path, tag):
        remove(leftover)


def remove(path: Path) -> None:
    """Remove a file or folder of ours as far as that is possible; a leftover is no reason to fail."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def is_running(pid: int) -> bool:
    """Say whether a process of this machine is alive; True where that cannot be known."""
    if sys.platform == "win32":  # there, os.kill with signal 0 would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _prefix(path: Path, tag: str) -> str:
    return f".{path.name}.{tag}-"


def host_id() -> str:
    """Give eight characters that tell machines (and containers) apart."""
    return sha256(socket.gethostname().encode()).hexdigest()[:8]


def _is_abandoned(owner: str) -> bool:
    host, _, rest = owner.partition("-")
    pid = rest.partition("-")[0]
    return host == host_id() and pid.isdecimal() and not is_running(int(pid))
