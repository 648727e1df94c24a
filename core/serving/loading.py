"""Load a bundle that may have been damaged, or made by somebody who means harm."""

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unbraid.core.artefacts import read_json, verify_folder
from unbraid.core.bundle import BUNDLE_FILE, BundleGraph, BundleTensor, Manifest
from unbraid.core.errors import DamagedArtefactError
from unbraid.core.serving.bundle import Bundle
from unbraid.core.serving.graphs import read_graph
from unbraid.core.serving.session import CPU

#: Largest ONNX file; protobuf has the same limit.
MAX_GRAPH_BYTES = 2**31 - 1
#: Largest manifest.
MAX_MANIFEST_BYTES = 2**22


def load_bundle(
    path: Path | str, *, max_bytes: int = MAX_GRAPH_BYTES, threads: int = 1, providers: Sequence[str] = CPU
) -> Bundle:
    """Check a bundle and give it, ready to run; no file is opened by onnxruntime before all were checked.

    Checked are the list of files with size and sha256, the manifest, and every graph against the rules of bundles (no
    control flow, no random or foreign operators, no data in other files). Links and hard links are refused. Imports no
    torch.

    Args:
        path: folder that `export` wrote.
        max_bytes: largest file to accept.
        threads: onnxruntime uses for one call.
        providers: execution providers of onnxruntime, best first.

    Raises:
        ArtefactError: there is no such folder, or it is no bundle.
        DamagedArtefactError: something is missing, altered, linked, too large, or breaks a rule.
        FormatVersionError: a newer version of Unbraid wrote it.
    """
    path = Path(path)
    if path.is_dir():
        _refuse_strange_files(path, max_bytes)
    listed = verify_folder(path, kind="bundle")["files"]
    manifest = _manifest(path, listed)
    for name, graph in manifest.graphs.items():
        _check_graph(path, name, graph)
    return Bundle(path, manifest, threads=threads, providers=providers)


def _refuse_strange_files(folder: Path, max_bytes: int) -> None:
    """Look at every entry before any is read: a link could lead out of the bundle, and a device never ends."""
    for entry in _entries(folder):
        status = entry.stat(follow_symlinks=False)
        limit = MAX_MANIFEST_BYTES if entry.name.endswith(".json") else max_bytes
        if not stat.S_ISREG(status.st_mode):
            raise _strange(entry.path, "a plain file", "a link or device")
        if status.st_nlink > 1:
            raise _strange(entry.path, "a file with one name", f"a hard link ({status.st_nlink} names)")
        if status.st_size > limit:
            raise _strange(entry.path, f"at most {limit:,} bytes", f"{status.st_size:,} bytes")


def _entries(folder: Path | str) -> list["os.DirEntry[str]"]:
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            found += _entries(entry.path) if entry.is_dir(follow_symlinks=False) else [entry]
    return found


def _strange(path: str, expected: str, found: str) -> DamagedArtefactError:
    return DamagedArtefactError(f"{path} is refused", expected=expected, found=found, hint="copy the bundle again")


def _manifest(path: Path, listed: Mapping[str, Any]) -> Manifest:
    if BUNDLE_FILE not in listed:
        raise DamagedArtefactError(f"{path} has no {BUNDLE_FILE}", expected=BUNDLE_FILE, found=", ".join(listed)[:200])
    manifest = Manifest.from_json(read_json(path / BUNDLE_FILE))
    _check_listed(manifest, listed)
    _check_consistent(manifest)
    return manifest


def _check_listed(manifest: Manifest, listed: Mapping[str, Any]) -> None:
    for name, graph in manifest.graphs.items():
        entry = listed.get(graph.file, {})
        if (entry.get("sha256"), entry.get("bytes")) != (graph.sha256, graph.bytes):
            expected, found = f"{graph.bytes} bytes, sha256 {graph.sha256}", str(entry or "no file")
            raise DamagedArtefactError(f"graph {name} is not the one in {BUNDLE_FILE}", expected=expected, found=found)


def _check_consistent(manifest: Manifest) -> None:
    """Hold the graphs every bundle knows to the shapes the manifest states for images, latents and factors."""
    image, latent = (BundleTensor("image", manifest.image),), (BundleTensor("latent", manifest.latent),)
    factors = tuple(BundleTensor(factor.name, factor.shape) for factor in manifest.factors)
    sides = {
        "encode": (image, latent),
        "disentangle": (latent, factors),
        "entangle": (factors, latent),
        "decode": (latent, image),
    }
    for name, graph in manifest.graphs.items():
        given = (tuple(t for t in graph.inputs if t.name != "noise"), graph.outputs)
        if name in sides and given != sides[name]:
            raise DamagedArtefactError(f"graph {name} contradicts {BUNDLE_FILE}", expected=sides[name], found=given)
    missing = {"encode", "disentangle"} - manifest.graphs.keys()
    if missing:
        found = ", ".join(manifest.graphs)
        raise DamagedArtefactError("the bundle is incomplete", expected=f"graph {', '.join(missing)}", found=found)


def _check_graph(path: Path, name: str, graph: BundleGraph) -> None:
    """Walk the graph before onnxruntime sees it: a model is a program, and some never end."""
    from unbraid.core.bundle.rules import file_violations  # here, because onnx takes a while to import

    data = read_graph(path / graph.file, graph)
    inputs, outputs = ({t.name: t.shape for t in side} for side in (graph.inputs, graph.outputs))
    for broken in file_violations(name, data, inputs=inputs, outputs=outputs):
        raise DamagedArtefactError(broken.problem, expected=broken.expected, found=broken.found, hint=broken.hint)
