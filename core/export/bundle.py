"""Write a backbone and its heads as a bundle of ONNX graphs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from unbraid.core.artefacts.folder import refuse_foreign
from unbraid.core.bundle import DEFAULT_HEAD, HEAD_NAME, BundleGraph, BundleHead, Manifest
from unbraid.core.errors import BackboneMismatchError, ConfigError
from unbraid.core.export.conversion import check_opset
from unbraid.core.export.description import describe, describe_graph
from unbraid.core.export.parity import measure, served_rows
from unbraid.core.export.reducing import LOOSE, Reduction, reduce_graphs
from unbraid.core.export.rows import Rows, image_rows, rows_of
from unbraid.core.export.stages import Exportable, Stage, left_out, stages_of
from unbraid.core.export.writing import write_bundle


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written: the folder and its manifest, with the measured difference of every graph.

    Args:
        path: the folder.
        manifest: what it says of itself.
        left_out: graph -> why the bundle goes without, where the backbone can do it and no graph can.
    """

    path: Path
    manifest: Manifest
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def graphs(self) -> Mapping[str, BundleGraph]:
        """Graph name -> file, hash, size, inputs, outputs, measured tolerance."""
        return self.manifest.graphs

    def __str__(self) -> str:
        lines = [f"{self.path}"]
        for name, graph in self.graphs.items():
            figure = graph.tolerance
            lines.append(f"  {name}: {graph.bytes:,} bytes, {figure.max_abs:.1e} from torch (bound {figure.bound:.1e})")
            if graph.precision != "float32":
                lines[-1] += f", weights {graph.precision}"
        lines += [f"  {name}: left out, {why}" for name, why in self.left_out.items()]
        for name, head in self.manifest.heads.items():
            lines += _cost(name, head) if head.reduction else []
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
    reduction: Reduction | None = None,
) -> ExportReport:
    """Export every graph that backbone and heads are capable of, check and measure each, and write the folder at once.

    Every file is compared with torch at batches 1, 2, 5 and, unless images are large, 257:
    `max |difference| <= 1e-5 * max(1, max |y|)`. The models are left exactly as they were: weights, modes, flags and the
    global random state. A graph that the backbone refuses with a `CapabilityError` is left out, and the report says so.

    Args:
        model: an attached model with one domain; or several on one backbone, each under the name its head gets. These
            share the graphs `encode` and `decode`, and the graphs of several are called `<head>-<verb>`.
        path: folder to write; a bundle that is there is replaced.
        opset: version of the ONNX operator set, 18..23.
        samples: rows of inputs and outputs to keep with the bundle, 1..257, or 1..8 where images are large.
        images: `(N, C, H, W)`, uint8 or floats in [0, 1], to compare on; seeded noise where None.
        reduction: keep weights as float16 or int8, and measure on which data what that costs; float32 where None.

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
    if reduction is not None:
        manifest, files, rows = _reduced(models, stages, manifest, files, rows, reduction, samples)
    write_bundle(path, manifest, files, stages, rows, samples)
    return ExportReport(path, manifest, left_out(next(iter(models.values())).backbone))


def _reduced(
    models: Mapping[str, Exportable],
    stages: Sequence[Stage],
    manifest: Manifest,
    files: dict[str, bytes],
    rows: dict[str, Rows],
    reduction: Reduction,
    samples: int,
) -> tuple[Manifest, dict[str, bytes], dict[str, Rows]]:
    """Put smaller files in the place of those that were right, and say what that costs each head."""
    from unbraid.core.export.measuring import measure_reduction  # here: metrics take a while to import

    reduced = reduce_graphs(stages, files, reduction)
    if not reduced:
        return manifest, files, rows
    graphs, kept, shown = dict(manifest.graphs), files | {name: data for name, (_, data) in reduced.items()}, dict(rows)
    for stage in stages:
        if stage.name in reduced:
            precision, data = reduced[stage.name]
            figure = measure(stage, data, rows[stage.name], LOOSE[precision])
            count = len(rows[stage.name].inputs[0])
            graphs[stage.name] = describe_graph(stage, data, figure, count, precision)
            # The samples alone: int8 takes its scale from the whole batch, so a row depends on those beside it.
            shown[stage.name] = served_rows(stage, data, rows[stage.name], samples)
    heads = {
        name: replace(head, reduction=measure_reduction(models[name], head, files, kept, reduction))
        for name, head in manifest.heads.items()
    }
    return replace(manifest, graphs=graphs, heads=heads), kept, shown


def _cost(name: str, head: BundleHead) -> list[str]:
    assert head.reduction is not None
    found = head.reduction
    lines = [
        f"  head {name} on {found.dataset}, float32 -> smaller weights ({found.episodes} episodes, seed {found.seed}):"
    ]
    for figure in found.figures:
        chance = "" if figure.chance is None else f"  (chance {figure.chance:.3f})"
        lines.append(f"    {figure.name}: {figure.before:.4f} -> {figure.after:.4f}{chance}")
    return lines


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
