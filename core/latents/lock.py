"""One builder a cache: a lock that its holder cannot forget to give back, because the system does it."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unbraid.core.artefacts import storage_errors
from unbraid.core.errors import ArtefactError

LOCK = ".lock"


@contextmanager
def build_lock(folder: Path, what: str = "latent cache", *, shared: bool = False) -> Iterator[None]:
    """Hold the lock file of a folder, which says who holds it.

    The lock ends with its process, however that ends: what a killed builder left is simply taken over.

    Args:
        folder: what is locked.
        what: its name in messages.
        shared: hold it beside others who share it, as the ranks of one job do.

    Raises:
        ArtefactError: somebody else is building.
        StorageError: the folder cannot be written.
    """
    path = folder / LOCK
    with storage_errors(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not _try_lock(handle, shared):
            holder = os.pread(handle, 100, 0).decode(errors="replace").strip()
            raise ArtefactError(
                f"the {what} {folder} is being built by somebody else",
                expected="one builder at a time",
                found=f"process {holder or '(unknown)'}",
                hint="run this again when it is done: it will read what the other has built",
            )
        with storage_errors(path):
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(handle)


def means_held(error: OSError) -> bool:
    """Say whether a lock was refused because somebody else has it."""
    return error.errno in (errno.EWOULDBLOCK, errno.EACCES)


def means_unsupported(error: OSError) -> bool:
    """Say whether a lock was refused because the file system has none: as on Windows."""
    return error.errno in (errno.ENOLCK, errno.ENOTSUP)


def _try_lock(handle: int, shared: bool) -> bool:
    if sys.platform == "win32":  # no flock there; shards are renamed into place, so that the worst is work done twice
        return True
    import fcntl

    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if means_held(error):
            return False
        if not means_unsupported(error):
            raise
    return True
