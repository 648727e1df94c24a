"""Smaller weights for graphs that were already found right: float16, or int8 where matrices are multiplied."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto, TensorProto

from unbraid.core.errors import ConfigError
from unbraid.core.export.conversion import check
from unbraid.core.export.stages import Stage
from unbraid.core.export.stripping import file_bytes, strip
from unbraid.core.interfaces.dataset import Dataset

#: How well a new class is recognised, and what fresh attackers read out of each factor.
METRICS = ("few_shot", "probes")
#: Largest difference from torch that passes, relative to `max(1, max |y|)`: far more than rounding, far less than an
#: overflow. Whether the loss matters is for the metrics to say.
LOOSE = {"float16": 0.05, "int8": 0.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """What to make smaller, and on what data the loss is measured.

    Args:
        data: data set the heads are measured on, before and after.
        half: keep weights as float16, of all graphs that `int8` leaves.
        int8: keep the matrices of heads as int8; their inputs are quantised at each run.
        episodes: few-shot episodes.
        seed: of episodes and attackers.
        metrics: names of metrics, or names with settings.

    Raises:
        ConfigError: nothing is to be made smaller, or there are no episodes.
    """

    data: Dataset
    half: bool = False
    int8: bool = False
    episodes: int = 1000
    seed: int = 0
    metrics: Sequence[str] | Mapping[str, Mapping[str, Any]] = METRICS

    def __post_init__(self) -> None:
        if not (self.half or self.int8) or self.episodes < 1:
            found = f"half={self.half}, int8={self.int8}, episodes={self.episodes}"
            raise ConfigError("nothing to make smaller", expected="half or int8, and episodes >= 1", found=found)


def reduce_graphs(
    stages: Sequence[Stage], files: Mapping[str, bytes], reduction: Reduction
) -> dict[str, tuple[str, bytes]]:
    """Give precision and bytes of every graph that becomes smaller: graph -> (`float16` or `int8`, file).

    Only heads become int8: convolutions of encoders and decoders are slower that way.

    Raises:
        ExportError: a file breaks a rule of bundles afterwards.
    """
    found: dict[str, tuple[str, bytes]] = {}
    for stage in stages:
        for precision in _candidates(stage, reduction):
            model = _REDUCE[precision](onnx.load_from_string(files[stage.name]))
            data = _checked(stage, model)
            if _holds(model, precision) and len(data) < len(files[stage.name]):
                found[stage.name] = (precision, data)
                break
    return found


def _candidates(stage: Stage, reduction: Reduction) -> list[str]:
    wanted = {"int8": reduction.int8 and stage.head is not None, "float16": reduction.half}
    return [precision for precision, asked in wanted.items() if asked]


def _holds(model: ModelProto, precision: str) -> bool:
    """Say whether there was anything to convert."""
    kinds = {"float16": {TensorProto.FLOAT16}, "int8": {TensorProto.INT8, TensorProto.UINT8}}
    constants = (attribute.t for node in model.graph.node for attribute in node.attribute if attribute.HasField("t"))
    weights = [tensor for tensor in (*model.graph.initializer, *constants) if len(tensor.dims) > 1]
    return any(tensor.data_type in kinds[precision] for tensor in weights)


def _checked(stage: Stage, model: ModelProto) -> bytes:
    strip(model)  # stale shapes of inner values among it, which nothing would correct
    used = {node.domain for node in model.graph.node}
    kept = [opset for opset in model.opset_import if opset.domain in ("", "ai.onnx") or opset.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    check(stage.name, model, stage.graph)
    return file_bytes(model)


def _float16(model: ModelProto) -> ModelProto:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    halved: ModelProto = convert_float_to_float16(model, keep_io_types=True)
    return halved


def _int8(model: ModelProto) -> ModelProto:
    from onnxruntime.quantization import quantize_dynamic

    # The file is clean already; this keeps the quantiser from advising to clean it.
    model.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        # Seven bits: CPUs without VNNI add pairs of products in 16 bits, which eight would overflow.
        quantize_dynamic(model, path, per_channel=True, reduce_range=True)
        return onnx.load(path)


_REDUCE = {"float16": _float16, "int8": _int8}
