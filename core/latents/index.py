"""What a latent cache says of itself: an index that is written last, and what stands in for it until then."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unbraid.core.artefacts import atomic_file, read_json, storage_errors, write_json
from unbraid.core.artefacts.storage import sweep
from unbraid.core.errors import (
    ArtefactError,
    BackboneMismatchError,
    DamagedArtefactError,
    FormatVersionError,
    StorageError,
)
from unbraid.core.latents.claims import CLAIMS
from unbraid.core.latents.lock import LOCK

FORMAT = "unbraid-latents"
FORMAT_VERSION = 1
#: Written last: what makes a cache complete.
INDEX = "index.json"
#: What a cache that is being built is of; each of its finished shards has a note beside it.
BUILDING = "building.json"

Entry = dict[str, Any]


class CacheIndex:
    """The finished shards of a cache, and what it is of.

    Several processes may build one cache, so that every look is a fresh one (`refresh`) and every file is written
    whole: one note a shard, and an index whose bytes do not depend on who writes it.

    Args:
        folder: of the cache.
        identity: JSON values that say what the latents are of; a cache with others is refused.
        rows_per_shard: of a cache that is yet to be made.

    Raises:
        BackboneMismatchError: the folder holds latents of another backbone.
        ArtefactError: it holds latents of other data, of another dtype, or something else altogether.
        FormatVersionError: a newer version wrote it.
        DamagedArtefactError: its index is no valid JSON.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], rows_per_shard: int) -> None:
        self._folder = folder
        self._identity = dict(identity)
        self.rows_per_shard = rows_per_shard
        #: Name of a finished shard -> its `bytes` and `sha256`.
        self.shards: dict[str, Entry] = {}
        self.refresh()

    @property
    def published(self) -> bool:
        """Whether the index is written, and nothing is left of the building."""
        return (self._folder / INDEX).exists() and not (self._folder / BUILDING).exists() and not self._notes()

    def refresh(self) -> None:
        """Look again: others may have finished shards, or the whole cache. Raises as the class does."""
        with storage_errors(self._folder, "read"):
            # In this order: a note goes only when the index that holds it is there, and files come only after BUILDING.
            names = self._names()
            notes = self._read_notes()
            document = self._read(INDEX) or self._read(BUILDING) or self._read(INDEX)
        if document is None:
            self._refuse_foreign(names)
            return
        self.rows_per_shard = document["rows_per_shard"]
        self.shards = {**document["shards"], **notes}

    def begin(self) -> None:
        """Say what is going to be built; before any shard, so that no shard is ever without its identity."""
        if not (self._folder / INDEX).exists() and not (self._folder / BUILDING).exists():
            self._write(BUILDING)

    def note(self, shard: str, entry: Entry) -> None:
        """Note that a shard is finished."""
        self.shards[shard] = entry
        with atomic_file(self._note_of(shard)) as temporary:
            write_json(temporary, entry)

    def publish(self) -> None:
        """Write the index, then tidy up what stood in for it and what killed processes left."""
        self._write(INDEX)
        with storage_errors(self._folder):
            for note in self._notes():
                note.unlink(missing_ok=True)
            (self._folder / BUILDING).unlink(missing_ok=True)
            for shard in self.shards:
                for path in (self._folder / shard, self._note_of(shard)):
                    sweep(path, "new")
            sweep(self._folder / BUILDING, "new")

    def _note_of(self, shard: str) -> Path:
        return (self._folder / shard).with_suffix(".json")

    def _notes(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9]*.json"))

    def _read_notes(self) -> dict[str, Entry]:
        notes = {path: _read_if_there(path) for path in self._notes()}
        for path, entry in notes.items():
            if entry is not None and not _is_entry(entry):
                raise _damaged(path)
        return {path.with_suffix(".safetensors").name: entry for path, entry in notes.items() if entry is not None}

    def _write(self, name: str) -> None:
        document = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "identity": self._identity,
            "rows_per_shard": self.rows_per_shard,
            "shards": self.shards,
        }
        with atomic_file(self._folder / name) as temporary:
            write_json(temporary, document)

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self._folder / name
        document = _read_if_there(path)
        return None if document is None else self._checked(path, document)

    def _names(self) -> list[str]:
        if self._folder.exists() and not self._folder.is_dir():
            raise ArtefactError(f"{self._folder} is in the way of a latent cache", expected="a folder", found="a file")
        return sorted(path.name for path in self._folder.iterdir()) if self._folder.exists() else []

    def _refuse_foreign(self, names: list[str]) -> None:
        foreign = [name for name in names if name not in (LOCK, CLAIMS) and not name.startswith(f".{BUILDING}.")]
        if foreign:
            raise ArtefactError(
                f"{self._folder} is no latent cache",
                expected=f"{INDEX}, or an empty folder",
                found=", ".join(foreign[:5]),
                hint="choose another folder for the cache",
            )

    def _checked(self, path: Path, document: Any) -> dict[str, Any]:
        if (
            not isinstance(document, dict)
            or document.get("format") != FORMAT
            or type(document.get("version")) is not int
        ):
            raise _damaged(path)
        if document["version"] > FORMAT_VERSION:
            raise FormatVersionError(
                f"{self._folder} was written by a newer version of Unbraid",
                expected=f"format version {FORMAT_VERSION} or older",
                found=f"format version {document['version']}",
                hint="pip install --upgrade unbraid",
            )
        if not _well_formed(document):
            raise _damaged(path)
        self._refuse_mismatch(document["identity"])
        return document

    def _refuse_mismatch(self, stored: Mapping[str, Any]) -> None:
        wrong = sorted(k for k in self._identity.keys() | stored.keys() if self._identity.get(k) != stored.get(k))
        if not wrong:
            return
        other = "another backbone" if "backbone" in wrong else f"other {' and '.join(wrong)}"
        kind = BackboneMismatchError if "backbone" in wrong else ArtefactError
        raise kind(
            f"the latent cache {self._folder} belongs to {other}",
            expected=", ".join(f"{key} {self._identity.get(key)}" for key in wrong),
            found=", ".join(f"{key} {stored.get(key)}" for key in wrong),
            hint=_ANEW,
        )


def stored_identity(folder: Path) -> dict[str, Any]:
    """Give what a cache says it is of, unchecked; nothing where there is no cache, or none that can be read."""
    for name in (INDEX, BUILDING):
        with contextlib.suppress(ArtefactError, StorageError):
            document = read_json(folder / name)
            if isinstance(document, dict) and isinstance(document.get("identity"), dict):
                return dict(document["identity"])
    return {}


_ANEW = "choose another folder for the cache, or delete this one to encode again"


def _read_if_there(path: Path) -> Any:
    """Read JSON, or give None where the file is not there, or is just being removed."""
    try:
        return read_json(path)
    except DamagedArtefactError:
        if path.exists():
            raise
        return None


def _damaged(path: Path) -> DamagedArtefactError:
    return DamagedArtefactError(f"{path} is no index of latents", expected=f"format {FORMAT}", hint=_ANEW)


def _well_formed(document: Mapping[str, Any]) -> bool:
    shards, per_shard = document.get("shards"), document.get("rows_per_shard")
    return (
        isinstance(document.get("identity"), dict)
        and type(per_shard) is int
        and per_shard >= 1
        and isinstance(shards, dict)
        and all(map(_is_entry, shards.values()))
    )


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and type(entry.get("bytes")) is int and isinstance(entry.get("sha256"), str)
