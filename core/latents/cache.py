"""Latents on disk: shards of rows, a note of each that is finished, and an index that is written last."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unbraid.core.artefacts import check_free_space, storage_errors
from unbraid.core.latents.claims import Claims, open_claims
from unbraid.core.latents.index import CacheIndex
from unbraid.core.latents.lock import build_lock
from unbraid.core.latents.shard import Block, Shard

#: Bounds of a shard: an interruption loses at most this much work, and no file is awkward to copy.
SHARD_ROWS, SHARD_BYTES = 16_384, 256_000_000

# Shards this process has read through once: path, identity of the file, checksum.
_verified: set[tuple[str, int, int, int, str]] = set()


class LatentCache:
    """The latents of one data set under one backbone.

    Args:
        folder: where it is or will be.
        identity: JSON values that say what the latents are of (`backbone`, `data`, `rows`, ...); a cache with others is
            refused.
        row_bytes: size of one row.
        verify: compare checksums, once per process and file.

    Raises:
        BackboneMismatchError: the folder holds latents of another backbone.
        ArtefactError: it holds latents of other data, of another dtype, or something else altogether.
        FormatVersionError: a newer version wrote it.
        DamagedArtefactError: its index is no valid JSON.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], row_bytes: int, *, verify: bool = True) -> None:
        self.folder = Path(os.path.abspath(folder))
        self._row_bytes = row_bytes
        self._verify = verify
        self._rows: int = identity["rows"]
        # Shards are the same whoever builds them: they never depend on how many processes there are.
        self._index = CacheIndex(self.folder, identity, max(1, min(SHARD_ROWS, SHARD_BYTES // row_bytes)))

    @property
    def complete(self) -> bool:
        """Whether every shard is there and the index says so."""
        return self._index.published and not self.missing()

    def shards(self) -> list[Shard]:
        """Give every shard, in the order of the rows."""
        size = self._index.rows_per_shard
        return [
            Shard(self.folder / f"{number:05d}.safetensors", number, start, min(start + size, self._rows))
            for number, start in enumerate(range(0, self._rows, size))
        ]

    def has(self, shard: Shard) -> bool:
        """Whether a shard was finished when the index was last looked at, and still is there."""
        return shard.path.name in self._index.shards and shard.path.exists()

    def missing(self) -> list[Shard]:
        """Give the shards that are still to be encoded."""
        return [shard for shard in self.shards() if not self.has(shard)]

    def refresh(self) -> None:
        """Look at what other processes have finished since."""
        self._index.refresh()

    def check(self, shard: Shard) -> None:
        """Compare a finished shard with what it was written as.

        Raises:
            DamagedArtefactError: the file is truncated, altered or of other rows; the message says what to do.
        """
        entries = self._index.shards
        entry = entries[shard.path.name]
        with storage_errors(shard.path, "read"):
            status = shard.path.stat()
            key = (str(shard.path), status.st_ino, status.st_size, status.st_mtime_ns, entry["sha256"])
            names = {other["sha256"]: name for name, other in entries.items()}
            shard.verify(entry, names, checksum=self._verify and key not in _verified)
        if self._verify:
            _verified.add(key)

    def read(self, shard: Shard, into: Block) -> None:
        """Copy a finished shard into the rows it belongs to; raises as `check`."""
        self.check(shard)
        with storage_errors(shard.path, "read"):
            shard.read(into)

    @contextmanager
    def building(self, *, shared: bool = False) -> Iterator[Claims]:
        """Be one who writes, and publish the index when the block ends without an exception: every shard is there then.

        Args:
            shared: beside other ranks; each takes the shards it can claim.

        Raises:
            ArtefactError: somebody else is building.
            StorageError: there is not enough room, or permission is missing.
        """
        with storage_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with build_lock(self.folder, shared=shared), open_claims(self.folder) as claims:
            with claims.index():
                self.refresh()  # another builder may just have finished
                rows = sum(shard.stop - shard.start for shard in self.missing())
                check_free_space(self.folder, rows * self._row_bytes)
                self._index.begin()
            yield claims
            with claims.index():
                self.refresh()
                if not self._index.published:
                    self._index.publish()

    def write(self, shard: Shard, block: Block) -> None:
        """Write one shard, then the note that it is finished."""
        self._index.note(shard.path.name, shard.write(block))
