"""The folder of a bundle: every file, whole or not at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from unbraid.core.artefacts import atomic_folder, write_json, write_tensors
from unbraid.core.bundle import BUNDLE_FILE, Manifest, graph_file, triton_files
from unbraid.core.export.readme import licences, readme
from unbraid.core.export.rows import Rows
from unbraid.core.export.stages import Stage


def write_bundle(
    path: Path,
    manifest: Manifest,
    files: Mapping[str, bytes],
    stages: Sequence[Stage],
    rows: Mapping[str, Rows],
    count: int,
) -> None:
    """Write a bundle.

    Args:
        path: folder; a bundle that is there is replaced.
        manifest: of the bundle.
        files: graph -> bytes.
        stages: the graphs, in order.
        rows: graph -> what it was compared on.
        count: rows to keep as samples.

    Raises:
        ArtefactError: something else is where the bundle should be.
        StorageError: the disk is full, read-only, or permission is missing.
    """
    with atomic_folder(path, kind="bundle", needs=sum(map(len, files.values()))) as folder:
        for name, data in files.items():
            _write(folder / graph_file(name), data)
        for name, text in triton_files(manifest).items():
            _write(folder / name, text.encode())
        _write(folder / "README.md", readme(manifest, path.name).encode())
        _write(folder / "LICENSES", licences(manifest).encode())
        (folder / "samples").mkdir()
        for side, name in (("inputs", "in"), ("outputs", "out")):
            write_tensors(folder / "samples" / f"{name}.safetensors", _samples(stages, rows, side, count))
        write_json(folder / BUNDLE_FILE, manifest.to_json())


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _samples(stages: Sequence[Stage], rows: Mapping[str, Rows], side: str, count: int) -> dict[str, Tensor]:
    """Name the first rows of every tensor `<graph>.<tensor>`."""
    found = {}
    for stage in stages:
        tensors = getattr(rows[stage.name], side)
        for name, tensor in zip(getattr(stage.graph, side), tensors, strict=True):
            found[f"{stage.name}.{name}"] = tensor[:count]
    return found
