"""From ONNX files of any exporter to files with the names a backbone has."""

from collections.abc import Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import GraphProto, ModelProto

from unbraid.adapters.backbones.onnx.adapter import DECODER, ENCODER, FORMAT, IMAGE, LATENT, STATED, STATEMENT
from unbraid.core.artefacts import atomic_folder, write_json
from unbraid.core.checkpoints import Statement
from unbraid.core.errors import ArtefactError, ConfigError
from unbraid.core.export import file_bytes, strip

NAMES = {ENCODER: (IMAGE, LATENT), DECODER: (LATENT, IMAGE)}


def convert(files: Sequence[Path], out: Path, *, statement: Statement) -> Path:
    """Give input, output and batch dimension the names they need, and drop the traces of the machine that made them.

    Args:
        files: the encoder, and the decoder if there is one; each with one input and one output.
        out: folder to write: `encoder.onnx`, `decoder.onnx`, and `config.json` with licence, source and data.
        statement: licence, source and training data.

    Returns:
        The folder.

    Raises:
        ArtefactError: a file is missing, no ONNX file, or has several inputs or outputs.
        ConfigError: neither one file nor two.
    """
    if len(files) not in (1, 2):
        raise ConfigError("onnx: the wrong number of files", expected="an encoder, and a decoder or none", found=files)
    models = [(name, _renamed(file, *names)) for file, (name, names) in zip(files, NAMES.items(), strict=False)]
    with atomic_folder(out, kind="onnx") as folder:
        for name, model in models:
            (folder / name).write_bytes(file_bytes(strip(model)))
        stated = {name: getattr(statement, name) for name in STATED}
        write_json(folder / STATEMENT, {"format": FORMAT, "format_version": 1, **stated})
    return out


def _renamed(file: Path, given: str, wanted: str) -> ModelProto:
    try:
        model = onnx.load(file, load_external_data=True)
    except (DecodeError, OSError) as error:
        raise ArtefactError(f"{file} is no ONNX file", expected="ONNX", found=f"{type(error).__name__}") from error
    graph = model.graph
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise ArtefactError(
            f"{file} is no encoder or decoder",
            expected="one input and one output",
            found=f"{len(inputs)} and {len(graph.output)}",
        )
    _rename(graph, {inputs[0].name: given, graph.output[0].name: wanted})
    return model


def _rename(graph: GraphProto, names: dict[str, str]) -> None:
    """Rename values everywhere; one inside that has a new name already makes way."""
    inner = {name: f"{name}_inner" for name in names.values()}
    table = {**inner, **names}
    for node in graph.node:
        for side in (node.input, node.output):
            side[:] = [table.get(name, name) for name in side]
    for value in (*graph.input, *graph.output):
        value.name = table.get(value.name, value.name)
        batch = value.type.tensor_type.shape.dim[0]
        if batch.dim_param:
            batch.dim_param = "batch"
    for tensor in graph.initializer:
        tensor.name = table.get(tensor.name, tensor.name)
