"""Write a backbone and its head as a bundle of ONNX graphs."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PureWindowsPath
from typing import Any

from torch import Tensor

from unbraid.core.artefacts import atomic_folder, write_json, write_tensors
from unbraid.core.artefacts.folder import refuse_foreign
from unbraid.core.bundle import (
    BUNDLE_FILE,
    BundleBackbone,
    BundleFactor,
    BundleGraph,
    BundleMethod,
    BundleTensor,
    BundleTolerance,
    Manifest,
    graph_file,
)
from unbraid.core.errors import ConfigError
from unbraid.core.export.conversion import check_opset
from unbraid.core.export.parity import measure
from unbraid.core.export.readme import readme
from unbraid.core.export.rows import Rows, image_rows, rows_of
from unbraid.core.export.stages import Exportable, Stage, stages_of
from unbraid.core.interfaces.backbone import Backbone
from unbraid.core.interfaces.graph import Graph


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written: the folder and its manifest, with the measured difference of every graph."""

    path: Path
    manifest: Manifest

    @property
    def graphs(self) -> Mapping[str, BundleGraph]:
        """Graph name -> file, hash, size, inputs, outputs, measured tolerance."""
        return self.manifest.graphs

    def __str__(self) -> str:
        lines = [f"{self.path}"]
        for name, graph in self.graphs.items():
            figure = graph.tolerance
            lines.append(f"  {name}: {graph.bytes:,} bytes, {figure.max_abs:.1e} from torch (bound {figure.bound:.1e})")
        backbone = self.manifest.backbone
        lines.append(f"  holds the weights of {backbone.adapter}; their licence: {backbone.licence or 'not stated'}")
        return "\n".join(lines)


def export_bundle(
    model: Exportable, path: Path | str, *, opset: int = 20, samples: int = 8, images: Any | None = None
) -> ExportReport:
    """Export every graph the pair is capable of, check and measure each, and write the folder whole or not at all.

    Every file is compared with torch at batches 1, 2, 5 and, unless images are large, 257:
    `max |difference| <= 1e-5 * max(1, max |y|)`. The model is left exactly as it was: weights, modes, flags and the global random state.

    Args:
        model: an attached model with one domain.
        path: folder to write; a bundle that is there is replaced.
        opset: version of the ONNX operator set, 18..23.
        samples: rows of inputs and outputs to keep with the bundle, 1..257, or 1..8 where images are large.
        images: `(N, C, H, W)`, uint8 or floats in [0, 1], to compare on; seeded noise where None.

    Returns:
        Where the bundle is and what is in it.

    Raises:
        ConfigError: `opset` or `samples` is out of range.
        ExportError: a graph cannot be exported, or breaks a rule of bundles.
        ParityError: a graph differs from torch by more than the tolerance.
        ImageError: the images do not fit the backbone.
        ArtefactError: something else is where the bundle should be.
        StorageError: the disk is full, read-only, or permission is missing.
    """
    path = Path(path)
    check_opset(opset)
    refuse_foreign(path, "bundle")  # before the work rather than after it
    all_images = image_rows(images, model.backbone.info.input)
    if not 1 <= samples <= len(all_images):
        raise ConfigError("the number of samples is out of range", expected=f"1..{len(all_images)}", found=samples)
    stages = stages_of(model)
    files = {stage.name: stage.onnx_bytes(opset) for stage in stages}
    rows = rows_of(stages, model.head, all_images)
    figures = {stage.name: measure(stage, files[stage.name], rows[stage.name]) for stage in stages}
    graphs = {s.name: _describe(s.name, s.graph, files[s.name], figures[s.name]) for s in stages}
    manifest = _manifest(model, graphs, opset)
    _write(path, manifest, files, stages, rows, samples)
    return ExportReport(path, manifest)


def _describe(name: str, graph: Graph, data: bytes, figure: BundleTolerance) -> BundleGraph:
    digest = sha256(data).hexdigest()
    return BundleGraph(graph_file(name), digest, len(data), _tensors(graph.inputs), _tensors(graph.outputs), figure)


def _tensors(shapes: Mapping[str, tuple[int, ...]]) -> tuple[BundleTensor, ...]:
    return tuple(BundleTensor(name, tuple(shape)) for name, shape in shapes.items())


def _manifest(model: Exportable, graphs: Mapping[str, BundleGraph], opset: int) -> Manifest:
    head, info, method = model.head, model.backbone.info, model.method
    able = head.capabilities | (info.capabilities & {"decode"})
    return Manifest(
        versions=_versions() | {"opset": str(opset)},
        method=BundleMethod(method.name, method.entry.distribution, method.entry.version),
        backbone=_backbone(model.backbone),
        image=info.input.shape,
        latent=info.latent.shape,
        factors=tuple(BundleFactor(f.name, tuple(f.shape), f.role, f.distribution) for f in head.factors),
        capabilities=tuple(sorted(able & graphs.keys())),
        graphs=graphs,
    )


def _backbone(backbone: Backbone) -> BundleBackbone:
    info = backbone.info
    return BundleBackbone(info.adapter, _public(info.source), info.licence, backbone.fingerprint)


def _public(source: str) -> str:
    """Say where weights come from without saying where they lie on this machine."""
    local = Path(source).is_absolute() or PureWindowsPath(source).is_absolute() or source.startswith("~")
    return PureWindowsPath(source).name if local else source


def _versions() -> dict[str, str]:
    return {name: _version(name) for name in ("unbraid", "torch", "onnx", "onnxscript", "onnxruntime")}


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:  # onnxruntime also comes under other names
        return "unknown"


def _write(
    path: Path,
    manifest: Manifest,
    files: Mapping[str, bytes],
    stages: list[Stage],
    rows: Mapping[str, Rows],
    count: int,
) -> None:
    with atomic_folder(path, kind="bundle", needs=sum(map(len, files.values()))) as folder:
        for name, data in files.items():
            file = folder / graph_file(name)
            file.parent.mkdir(parents=True)
            file.write_bytes(data)
        (folder / "samples").mkdir()
        write_tensors(folder / "samples" / "in.safetensors", _samples(stages, rows, "inputs", count))
        write_tensors(folder / "samples" / "out.safetensors", _samples(stages, rows, "outputs", count))
        (folder / "README.md").write_text(readme(manifest, path.name), encoding="utf-8")
        write_json(folder / BUNDLE_FILE, manifest.to_json())


def _samples(stages: list[Stage], rows: Mapping[str, Rows], side: str, count: int) -> dict[str, Tensor]:
    """Name the first rows of every tensor `<graph>.<tensor>`."""
    found = {}
    for stage in stages:
        tensors = getattr(rows[stage.name], side)
        for name, tensor in zip(getattr(stage.graph, side), tensors, strict=True):
            found[f"{stage.name}.{name}"] = tensor[:count]
    return found
