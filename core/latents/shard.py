"""A run of rows in one safetensors file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from unbraid.core.artefacts import atomic_file, write_tensors
from unbraid.core.artefacts.manifest import sha256_of
from unbraid.core.errors import DamagedArtefactError


@dataclass(frozen=True, slots=True)
class Block:
    """Where the latents of consecutive rows go: slices of the storage of all rows."""

    mean: Tensor
    log_variance: Tensor | None

    def rows(self, start: int, stop: int) -> "Block":
        """Give the part of rows `start` to `stop`, sharing memory."""
        return Block(self.mean[start:stop], None if self.log_variance is None else self.log_variance[start:stop])

    @property
    def row_bytes(self) -> int:
        """Size of one row."""
        return sum(tensor[:1].nbytes for tensor in self.tensors.values())

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors under the names they have in a file."""
        return {"mean": self.mean} | ({} if self.log_variance is None else {"log_variance": self.log_variance})


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows `start` to `stop` of a cache: its `number`-th part."""

    path: Path
    number: int
    start: int
    stop: int

    def write(self, block: Block) -> dict[str, Any]:
        """Write the file whole or not at all; returns its size and sha256."""
        with atomic_file(self.path) as temporary:
            write_tensors(temporary, {**block.tensors, "start": torch.tensor(self.start)})
            return {"bytes": temporary.stat().st_size, "sha256": sha256_of(temporary)}

    def read(self, into: Block) -> None:
        """Copy the file into a block, without a second copy of it in memory.

        Raises:
            DamagedArtefactError: the file is no shard, or not the one of these rows.
        """
        try:
            with safe_open(self.path, framework="pt") as file:
                self._check_start(int(file.get_tensor("start")))
                for name, place in into.tensors.items():
                    stored = file.get_tensor(name)
                    if stored.shape != place.shape or stored.dtype != place.dtype:
                        raise self.damaged("holds other latents", _form(place), _form(stored))
                    place.copy_(stored)
        except SafetensorError as error:
            raise self.damaged("is damaged", "a safetensors file", str(error)) from error

    def verify(self, entry: dict[str, Any], names: dict[str, str], *, checksum: bool) -> None:
        """Compare size and, if asked for, sha256 with those it was written with.

        Args:
            entry: its `bytes` and `sha256`.
            names: sha256 -> file name of every shard of the cache, to recognise files that changed places.
            checksum: whether to read the whole file.
        """
        size = self.path.stat().st_size
        if size != entry["bytes"]:
            problem = "is truncated" if size < entry["bytes"] else "is longer than it was written"
            raise self.damaged(problem, f"{entry['bytes']} bytes", f"{size} bytes")
        digest = sha256_of(self.path) if checksum else entry["sha256"]
        if digest != entry["sha256"]:
            found = f"what was written as {names[digest]}" if digest in names else f"sha256 {digest}"
            raise self.damaged("is altered", f"sha256 {entry['sha256']}", found)

    def damaged(self, problem: str, expected: object, found: object) -> DamagedArtefactError:
        """Make the error for this file."""
        return DamagedArtefactError(
            f"{self.path} {problem}",
            expected=expected,
            found=found,
            hint="delete that file and run this again: only its rows are encoded again",
        )

    def _check_start(self, found: int) -> None:
        if found != self.start:
            raise self.damaged("holds other rows", f"rows from {self.start}", f"rows from {found}")


def _form(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
