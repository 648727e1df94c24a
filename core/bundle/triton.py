"""Triton's configuration of a bundle: `models/` is a model repository as it lies.

Fields and text format: https://github.com/triton-inference-server/common/blob/main/protobuf/model_config.proto.
"""

from collections.abc import Iterator

from unbraid.core.bundle.graph import BundleGraph, BundleTensor
from unbraid.core.bundle.head import BundleHead
from unbraid.core.bundle.manifest import Manifest
from unbraid.core.bundle.names import config_file, placeholder_file

#: How long Triton may hold a request back to batch it with others.
QUEUE_DELAY_MICROSECONDS = 500
_EMPTY = "Triton wants a version folder for an ensemble too; git and zip keep no empty ones.\n"


def triton_files(manifest: Manifest) -> dict[str, str]:
    """Give every file Triton needs beside the graphs: path inside the bundle -> text."""
    files = {config_file(name): _config(name, graph) for name, graph in manifest.graphs.items()}
    for head in manifest.heads.values():
        if head.ensemble is not None:
            files[config_file(head.ensemble)] = _ensemble(manifest, head, head.ensemble)
            files[placeholder_file(head.ensemble)] = _EMPTY
    return files


def _config(name: str, graph: BundleGraph) -> str:
    # No instance_group: Triton takes a GPU where there is one, and KIND_GPU would break hosts without.
    lines = [
        f'name: "{name}"',
        'backend: "onnxruntime"',
        'default_model_filename: "model.onnx"',
        *_interface(graph.batch_max, graph.inputs, graph.outputs),
        f"dynamic_batching {{ max_queue_delay_microseconds: {QUEUE_DELAY_MICROSECONDS} }}",
    ]
    return "\n".join(lines) + "\n"


def _ensemble(manifest: Manifest, head: BundleHead, name: str) -> str:
    names = ("encode", head.graphs["disentangle"])
    first, second = (manifest.graphs[each] for each in names)
    lines = [
        f'name: "{name}"',
        'platform: "ensemble"',
        *_interface(min(first.batch_max, second.batch_max), first.inputs, second.outputs),
        "ensemble_scheduling {",
        *(line for each in names for line in _step(each, manifest.graphs[each])),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _interface(batch_max: int, inputs: tuple[BundleTensor, ...], outputs: tuple[BundleTensor, ...]) -> Iterator[str]:
    yield f"max_batch_size: {batch_max}"
    yield from (f"input {_tensor(tensor)}" for tensor in inputs)
    yield from (f"output {_tensor(tensor)}" for tensor in outputs)


def _tensor(tensor: BundleTensor) -> str:
    """Describe a tensor; with a largest batch given, `dims` leaves the batch dimension out."""
    dims = ", ".join(map(str, tensor.shape or (1,)))
    flat = "" if tensor.shape else " reshape { shape: [ ] }"  # Triton wants one dimension beside the batch
    return f'{{ name: "{tensor.name}" data_type: TYPE_FP32 dims: [ {dims} ]{flat} }}'


def _step(name: str, graph: BundleGraph) -> Iterator[str]:
    """Wire a step: every tensor of the ensemble is called what the graphs call it."""
    yield f'  step {{ model_name: "{name}" model_version: -1'
    yield from (f'    input_map {{ key: "{t.name}" value: "{t.name}" }}' for t in graph.inputs)
    yield from (f'    output_map {{ key: "{t.name}" value: "{t.name}" }}' for t in graph.outputs)
    yield "  }"
