"""The manifest of a bundle that is being exported."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PureWindowsPath

import onnx

from unbraid.core.bundle import (
    BundleBackbone,
    BundleFactor,
    BundleGraph,
    BundleHead,
    BundleMethod,
    BundleTensor,
    BundleTolerance,
    Manifest,
    graph_file,
    qualified,
)
from unbraid.core.export.stages import Exportable, Stage
from unbraid.core.freezing.fingerprint import fingerprint_of_tensors
from unbraid.core.interfaces.backbone import Backbone

#: Largest batch a bundle says it is good for, where as many rows were compared.
BATCH_MAX = 256


def describe_graph(
    stage: Stage, data: bytes, figure: BundleTolerance, rows: int, precision: str = "float32"
) -> BundleGraph:
    """Describe one file, which was compared with torch on so many rows."""
    model = onnx.load_from_string(data)
    return BundleGraph(
        file=graph_file(stage.name),
        sha256=sha256(data).hexdigest(),
        bytes=len(data),
        opset=next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx")),
        ir_version=model.ir_version,
        batch_max=min(rows, BATCH_MAX),
        inputs=_tensors(stage.graph.inputs),
        outputs=_tensors(stage.graph.outputs),
        tolerance=figure,
        precision=precision,
    )


def describe(
    models: Mapping[str, Exportable], stages: Sequence[Stage], graphs: Mapping[str, BundleGraph], opset: int
) -> Manifest:
    """Describe the heads of one backbone and all their graphs."""
    backbone = next(iter(models.values())).backbone
    return Manifest(
        versions=_versions() | {"opset": str(opset)},
        backbone=_backbone(backbone),
        image=backbone.info.input.shape,
        latent=backbone.info.latent.shape,
        heads={name: _head(name, model, stages) for name, model in models.items()},
        graphs=graphs,
    )


def _tensors(shapes: Mapping[str, tuple[int, ...]]) -> tuple[BundleTensor, ...]:
    return tuple(BundleTensor(name, tuple(shape)) for name, shape in shapes.items())


def _head(name: str, model: Exportable, stages: Sequence[Stage]) -> BundleHead:
    head, method = model.head, model.method
    mine = {stage.verb: stage for stage in stages if stage.head == name}
    described = {"method": method.name, "factors": [factor.name for factor in head.factors]}
    return BundleHead(
        method=BundleMethod(method.name, method.entry.distribution, method.entry.version),
        fingerprint=fingerprint_of_tensors(head.head_state(), described),
        factors=tuple(BundleFactor(f.name, tuple(f.shape), f.role, f.distribution, f.label) for f in head.factors),
        capabilities=tuple(sorted(head.capabilities & mine.keys())),
        graphs={verb: stage.name for verb, stage in mine.items()},
        ensemble=_ensemble(name, mine["disentangle"], stages),
    )


def _ensemble(head: str, disentangle: Stage, stages: Sequence[Stage]) -> str | None:
    """Name the chain from image to factors; None where it needs noise or two tensors would have one name."""
    name = "factors" if disentangle.name == "disentangle" else qualified(head, "factors")
    taken = name in {stage.name for stage in stages} or "image" in disentangle.graph.outputs
    return None if taken or list(disentangle.graph.inputs) != ["latent"] else name


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
