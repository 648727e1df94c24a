"""Who encodes which shard: claims that end with their process, so that what a killed rank had is free again."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unbraid.core.artefacts import storage_errors
from unbraid.core.latents.lock import means_held, means_unsupported

CLAIMS = ".claims"
# Byte 0 of the file stands for the index, byte 1 + i for shard i. Record locks, unlike flock, reach across machines on
# NFS; that they do not exclude threads of one process costs no more than work done twice.
_INDEX = 0


class Claims:
    """The claims of one process on the shards of a cache that several build.

    On a file system without locks every claim is granted. Files are renamed into place and their bytes do not depend
    on who made them, so the worst is work done twice.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @contextmanager
    def shard(self, number: int) -> Iterator[bool]:
        """Claim a shard within the block, unless another process has it: gives whether it is ours."""
        free = _lock(self._handle, 1 + number, wait=False)
        try:
            yield free
        finally:
            if free:
                _unlock(self._handle, 1 + number)

    @contextmanager
    def index(self) -> Iterator[None]:
        """Be the only one who looks at the index and changes it; waits for whoever does."""
        _lock(self._handle, _INDEX, wait=True)
        try:
            yield
        finally:
            _unlock(self._handle, _INDEX)


@contextmanager
def open_claims(folder: Path) -> Iterator[Claims]:
    """Open the claims on the shards of a folder; the file goes when the block ends without an exception."""
    path = folder / CLAIMS
    with storage_errors(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield Claims(handle)
        path.unlink(missing_ok=True)  # all is done: whoever still has it open has nothing left to claim
    finally:
        os.close(handle)


def _lock(handle: int, byte: int, *, wait: bool) -> bool:
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.lockf(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except OSError as error:
        if means_held(error):
            return False
        if not means_unsupported(error):
            raise
    return True


def _unlock(handle: int, byte: int) -> None:
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.lockf(handle, fcntl.LOCK_UN, 1, byte)
    except OSError as error:
        if not means_unsupported(error):
            raise
