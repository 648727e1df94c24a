"""Latents on disk: shards of rows, a note of what is done so far, and an index that is written last."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unbraid.core.artefacts import atomic_file, check_free_space, read_json, storage_errors, write_json
from unbraid.core.errors import ArtefactError, BackboneMismatchError, DamagedArtefactError, FormatVersionError
from unbraid.core.latents.lock import LOCK, build_lock
from unbraid.core.latents.shard import Block, Shard

FORMAT = "unbraid-latents"
FORMAT_VERSION = 1
#: Written last: what makes a cache complete.
INDEX = "index.json"
#: The same for a cache that is being built.
BUILDING = "building.json"
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
        self._identity = dict(identity)
        self._row_bytes = row_bytes
        self._verify = verify
        self._rows: int = identity["rows"]
        self._load()

    def shards(self) -> list[Shard]:
        """Give every shard, in the order of the rows."""
        starts = range(0, self._rows, self._per_shard)
        return [
            Shard(self.folder / f"{i:05d}.safetensors", start, min(start + self._per_shard, self._rows))
            for i, start in enumerate(starts)
        ]

    def missing(self) -> list[Shard]:
        """Give the shards that are still to be encoded."""
        return [shard for shard in self.shards() if shard.path.name not in self._entries or not shard.path.exists()]

    def read(self, shard: Shard, into: Block) -> None:
        """Copy a finished shard into the rows it belongs to.

        Raises:
            DamagedArtefactError: the file is truncated, altered or of other rows; the message says what to do.
        """
        entry = self._entries[shard.path.name]
        with storage_errors(shard.path, "read"):
            status = shard.path.stat()
            key = (str(shard.path), status.st_ino, status.st_size, status.st_mtime_ns, entry["sha256"])
            names = {other["sha256"]: name for name, other in self._entries.items()}
            shard.verify(entry, names, checksum=self._verify and key not in _verified)
            shard.read(into)
        if self._verify:
            _verified.add(key)

    @contextmanager
    def building(self) -> Iterator[None]:
        """Be the one who writes: holds the lock, and completes the cache when the block ends without an exception.

        Raises:
            ArtefactError: somebody else is building.
            StorageError: there is not enough room, or permission is missing.
        """
        with storage_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with build_lock(self.folder):
            self._load()  # another builder may just have finished
            rows = sum(shard.stop - shard.start for shard in self.missing())
            check_free_space(self.folder, rows * self._row_bytes)
            self._note()  # before any shard, so that no shard is ever without its identity
            yield
            self._write(INDEX)
            with storage_errors(self.folder):
                (self.folder / BUILDING).unlink(missing_ok=True)

    def write(self, shard: Shard, block: Block) -> None:
        """Write one shard, then the note that it is done."""
        self._entries[shard.path.name] = shard.write(block)
        self._note()

    def _note(self) -> None:
        self._write(INDEX if (self.folder / INDEX).exists() else BUILDING)

    def _write(self, name: str) -> None:
        document = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "identity": self._identity,
            "rows_per_shard": self._per_shard,
            "shards": self._entries,
        }
        with atomic_file(self.folder / name) as temporary:
            write_json(temporary, document)

    def _load(self) -> None:
        with storage_errors(self.folder, "read"):
            document = self._document()
        self._per_shard: int = document["rows_per_shard"] if document else self._default_rows()
        self._entries: dict[str, dict[str, Any]] = dict(document["shards"]) if document else {}

    def _default_rows(self) -> int:
        return max(1, min(SHARD_ROWS, SHARD_BYTES // self._row_bytes))

    def _document(self) -> dict[str, Any] | None:
        if self.folder.exists() and not self.folder.is_dir():
            raise ArtefactError(f"{self.folder} is in the way of a latent cache", expected="a folder", found="a file")
        for name in (INDEX, BUILDING):
            path = self.folder / name
            if path.exists():
                return self._checked(path, read_json(path))
        names = sorted(p.name for p in self.folder.iterdir()) if self.folder.exists() else []
        foreign = [name for name in names if name != LOCK and not name.startswith(f".{BUILDING}.")]
        if foreign:
            raise ArtefactError(
                f"{self.folder} is no latent cache",
                expected=f"{INDEX}, or an empty folder",
                found=", ".join(foreign[:5]),
                hint="choose another folder for the cache",
            )
        return None

    def _checked(self, path: Path, document: Any) -> dict[str, Any]:
        damaged = DamagedArtefactError(f"{path} is no index of latents", expected=f"format {FORMAT}", hint=_ANEW)
        if (
            not isinstance(document, dict)
            or document.get("format") != FORMAT
            or type(document.get("version")) is not int
        ):
            raise damaged
        if document["version"] > FORMAT_VERSION:
            raise FormatVersionError(
                f"{self.folder} was written by a newer version of Unbraid",
                expected=f"format version {FORMAT_VERSION} or older",
                found=f"format version {document['version']}",
                hint="pip install --upgrade unbraid",
            )
        if not _well_formed(document):
            raise damaged
        self._refuse_mismatch(document["identity"])
        return document

    def _refuse_mismatch(self, stored: Mapping[str, Any]) -> None:
        wrong = sorted(k for k in self._identity.keys() | stored.keys() if self._identity.get(k) != stored.get(k))
        if not wrong:
            return
        other = "another backbone" if "backbone" in wrong else f"other {' and '.join(wrong)}"
        kind = BackboneMismatchError if "backbone" in wrong else ArtefactError
        raise kind(
            f"the latent cache {self.folder} belongs to {other}",
            expected=", ".join(f"{key} {self._identity.get(key)}" for key in wrong),
            found=", ".join(f"{key} {stored.get(key)}" for key in wrong),
            hint=_ANEW,
        )


_ANEW = "choose another folder for the cache, or delete this one to encode again"


def _well_formed(document: Mapping[str, Any]) -> bool:
    shards, per_shard = document.get("shards"), document.get("rows_per_shard")
    return (
        isinstance(document.get("identity"), dict)
        and type(per_shard) is int
        and per_shard >= 1
        and isinstance(shards, dict)
        and all(
            isinstance(e, dict) and type(e.get("bytes")) is int and isinstance(e.get("sha256"), str)
            for e in shards.values()
        )
    )
