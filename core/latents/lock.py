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
def build_lock(folder: Path, what: str = "latent cache") -> Iterator[None]:
    """Hold the lock file of a folder, which says who holds it.

    The lock ends with its process, however that ends: what a killed builder left is simply taken over.

    Raises:
        ArtefactError: somebody else is building.
        StorageError: the folder cannot be written.
    """
    path = folder / LOCK
    with storage_errors(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not _try_lock(handle):
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


def _try_lock(handle: int) -> bool:
    if sys.platform == "win32":  # no flock there; shards are renamed into place, so that the worst is work done twice
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP):  # a file system without locks: as on Windows
            raise
    return True
