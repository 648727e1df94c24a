"""Write a backbone and its heads as a bundle of ONNX graphs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unbraid.core.artefacts.folder import refuse_foreign
from unbraid.core.bundle import DEFAULT_HEAD, HEAD_NAME, BundleGraph, Manifest
from unbraid.core.errors import BackboneMismatchError, ConfigError
from unbraid.core.export.conversion import check_opset
from unbraid.core.export.description import describe, describe_graph
from unbraid.core.export.parity import measure
from unbraid.core.export.rows import image_rows, rows_of
from unbraid.core.export.stages import Exportable, stages_of
from unbraid.core.export.writing import write_bundle


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
    model: Exportable | Mapping[str, Exportable],
    path: Path | str,
    *,
    opset: int = 20,
    samples: int = 8,
    images: Any | None = None,
) -> ExportReport:
    """Export every graph that backbone and heads are capable of, check and measure each, and write the folder at once.

    Every file is compared with torch at batches 1, 2, 5 and, unless images are large, 257:
    `max |difference| <= 1e-5 * max(1, max |y|)`. The models are left exactly as they were: weights, modes, flags and the
    global random state.

    Args:
        model: an attached model with one domain; or several on one backbone, each under the name its head gets. These
            share the graphs `encode` and `decode`, and the graphs of several are called `<head>-<verb>`.
        path: folder to write; a bundle that is there is replaced.
        opset: version of the ONNX operator set, 18..23.
        samples: rows of inputs and outputs to keep with the bundle, 1..257, or 1..8 where images are large.
        images: `(N, C, H, W)`, uint8 or floats in [0, 1], to compare on; seeded noise where None.

    Returns:
        Where the bundle is and what is in it.

    Raises:
        ConfigError: `opset` or `samples` is out of range, or a head has a name no bundle can hold.
        BackboneMismatchError: the heads belong to different backbones.
        ExportError: a graph cannot be exported, or breaks a rule of bundles.
        ParityError: a graph differs from torch by more than the tolerance.
        ImageError: the images do not fit the backbone.
        ArtefactError: something else is where the bundle should be.
        StorageError: the disk is full, read-only, or permission is missing.
    """
    path = Path(path)
    check_opset(opset)
    models = model if isinstance(model, Mapping) else {DEFAULT_HEAD: model}
    _check_heads(models)
    refuse_foreign(path, "bundle")  # before the work rather than after it
    all_images = image_rows(images, next(iter(models.values())).backbone.info.input)
    if not 1 <= samples <= len(all_images):
        raise ConfigError("the number of samples is out of range", expected=f"1..{len(all_images)}", found=samples)
    stages = stages_of(models)
    files = {stage.name: stage.onnx_bytes(opset) for stage in stages}
    rows = rows_of(stages, {name: each.head for name, each in models.items()}, all_images)
    figures = {stage.name: measure(stage, files[stage.name], rows[stage.name]) for stage in stages}
    graphs = {s.name: describe_graph(s, files[s.name], figures[s.name], len(all_images)) for s in stages}
    manifest = describe(models, stages, graphs, opset)
    write_bundle(path, manifest, files, stages, rows, samples)
    return ExportReport(path, manifest)


def _check_heads(models: Mapping[str, Exportable]) -> None:
    names = ", ".join(map(repr, models)) or "none"
    if not models or not all(HEAD_NAME.fullmatch(name) for name in models):
        hint = "small letters, digits and _, at most 32"
        raise ConfigError("heads need names", expected=HEAD_NAME.pattern, found=names, hint=hint)
    prints = {name: model.backbone.fingerprint for name, model in models.items()}
    if len(set(prints.values())) > 1:
        raise BackboneMismatchError(
            "the heads belong to different backbones",
            expected="one backbone, whose encode and decode all share",
            found=", ".join(f"{name}: {fingerprint}" for name, fingerprint in prints.items()),
            hint="write a bundle for each backbone",
        )
