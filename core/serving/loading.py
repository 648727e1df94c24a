"""Load a bundle that may have been damaged, or made by somebody who means harm."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unbraid.core.artefacts import MANIFEST, read_json, verify_folder
from unbraid.core.bundle import BUNDLE_FILE, BundleGraph, BundleTensor, Manifest, triton_files
from unbraid.core.errors import ArtefactError, DamagedArtefactError
from unbraid.core.serving.bundle import Bundle
from unbraid.core.serving.files import MAX_GRAPH_BYTES, look_at_files
from unbraid.core.serving.graphs import read_graph
from unbraid.core.serving.session import CPU


def load_bundle(
    path: Path | str, *, max_bytes: int = MAX_GRAPH_BYTES, threads: int = 1, providers: Sequence[str] = CPU
) -> Bundle:
    """Check a bundle and give it, ready to run; no file is opened by onnxruntime before all were checked.

    Checked are the list of files with size and sha256, the manifest, Triton's configuration, and every graph against
    the rules of bundles (no control flow, no random or foreign operators, no data in other files). Links, hard links
    and files below `models` that nobody listed are refused. Imports no torch.

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
    manifest = read_manifest(path, max_bytes=max_bytes)
    for name in manifest.graphs:
        check_graph(path, manifest, name)
    return Bundle(path, manifest, threads=threads, providers=providers)


def read_manifest(path: Path, *, max_bytes: int = MAX_GRAPH_BYTES) -> Manifest:
    """Check every file of a bundle against the list, and the manifest against itself; raises as `load_bundle`."""
    if path.is_file():
        hint = "unpack it and load the folder; whatever is in it is checked then"
        raise ArtefactError(f"{path} is no bundle", expected="a folder that export wrote", found="a file", hint=hint)
    found = look_at_files(path, max_bytes) if path.is_dir() else []
    listed = verify_folder(path, kind="bundle")["files"]
    _refuse_unlisted(path, found, listed)
    if BUNDLE_FILE not in listed:
        raise DamagedArtefactError(f"{path} has no {BUNDLE_FILE}", expected=BUNDLE_FILE, found=", ".join(listed)[:200])
    manifest = Manifest.from_json(read_json(path / BUNDLE_FILE))
    _check_listed(manifest, listed)
    _check_consistent(manifest)
    _check_triton(path, manifest)
    return manifest


def check_graph(path: Path, manifest: Manifest, name: str) -> str:
    """Walk a graph before onnxruntime sees it: a model is a program, and some never end.

    Returns:
        What it computes with, in a line.

    Raises:
        DamagedArtefactError: its bytes are not those that were exported, or it breaks a rule of bundles.
    """
    from unbraid.core.bundle.rules import file_violations, summary  # here, because onnx takes a while to import

    graph = manifest.graphs[name]
    data = read_graph(path / graph.file, graph)
    inputs, outputs = ({t.name: t.shape for t in side} for side in (graph.inputs, graph.outputs))
    for broken in file_violations(name, data, inputs=inputs, outputs=outputs, opset=graph.opset):
        raise DamagedArtefactError(broken.problem, expected=broken.expected, found=broken.found, hint=broken.hint)
    return summary(data)


def _refuse_unlisted(path: Path, found: Sequence[str], listed: Mapping[str, Any]) -> None:
    """Refuse files a server would find in the model repository although nobody exported them."""
    for name in found:
        if name.startswith("models/") and name not in listed:
            problem, hint = f"{path / name} belongs to no graph", "remove it, or export again"
            raise DamagedArtefactError(problem, expected=f"files that {MANIFEST} lists", found=name, hint=hint)


def _check_listed(manifest: Manifest, listed: Mapping[str, Any]) -> None:
    for name, graph in manifest.graphs.items():
        entry = listed.get(graph.file, {})
        if (entry.get("sha256"), entry.get("bytes")) != (graph.sha256, graph.bytes):
            expected, found = f"{graph.bytes} bytes, sha256 {graph.sha256}", str(entry or "no file")
            raise DamagedArtefactError(f"graph {name} is not the one in {BUNDLE_FILE}", expected=expected, found=found)


def _check_consistent(manifest: Manifest) -> None:
    """Hold the graphs every bundle knows to the shapes the manifest states for images, latents and factors."""
    image, latent = (BundleTensor("image", manifest.image),), (BundleTensor("latent", manifest.latent),)
    _check_sides(manifest.graphs, {"encode": (image, latent), "decode": (latent, image)})
    for name, head in manifest.heads.items():
        factors = tuple(BundleTensor(factor.name, factor.shape) for factor in head.factors)
        _check_sides(manifest.of(name).graphs, {"disentangle": (latent, factors), "entangle": (factors, latent)})
    if "encode" not in manifest.graphs:
        found = ", ".join(manifest.graphs)
        raise DamagedArtefactError("the bundle is incomplete", expected="graph encode", found=found)


def _check_sides(graphs: Mapping[str, BundleGraph], sides: Mapping[str, Any]) -> None:
    for name in graphs.keys() & sides.keys():
        given = (tuple(t for t in graphs[name].inputs if t.name != "noise"), graphs[name].outputs)
        if given != sides[name]:
            raise DamagedArtefactError(f"graph {name} contradicts {BUNDLE_FILE}", expected=sides[name], found=given)


def _check_triton(path: Path, manifest: Manifest) -> None:
    """Refuse a configuration that says anything the manifest does not: another backend would run other code."""
    for name, text in triton_files(manifest).items():
        try:
            found = (path / name).read_bytes()
        except OSError as error:
            raise DamagedArtefactError(f"{path / name} is missing", expected=text, found=error.strerror) from error
        if found != text.encode():
            problem, hint = f"{path / name} contradicts {BUNDLE_FILE}", "export it again"
            raise DamagedArtefactError(problem, expected=text, found=f"{found!r:.300}", hint=hint)
