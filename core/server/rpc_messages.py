"""Requests and answers of gRPC: from messages to arrays and back."""

from collections.abc import Mapping
from typing import Any

from tritonclient.grpc import service_pb2

from unbraid.core.errors import RequestError
from unbraid.core.server.inference import Inference, check_id, check_parameters, wanted_outputs
from unbraid.core.server.limits import Limits
from unbraid.core.server.models import VERSION, Model, Parameter
from unbraid.core.server.tensors import Tensor, TensorSpec, check_datatype, check_shape, from_bytes, from_numbers

pb: Any = service_pb2  # its classes come to be when it is imported; no checker sees them
#: Typed contents of the protocol by datatype; all other kinds must be empty.
_CONTENTS = {"FP32": "fp32_contents", "INT64": "int64_contents"}


def read_message(model: Model, request: Any, limits: Limits) -> Inference:
    """Read a request.

    Raises:
        RequestError: it is malformed, does not fit the model, or goes beyond the limits.
    """
    raw = request.raw_input_contents
    if len(request.inputs) > 256 or (raw and len(raw) != len(request.inputs)):
        raise RequestError(400, "raw_input_contents must hold every input, or none")
    inputs: dict[str, Tensor] = {}
    for number, entry in enumerate(request.inputs):
        spec = model.input(entry.name)
        if spec.name in inputs:
            raise RequestError(400, f"input {spec.name!r} is given twice")
        _parameters(entry.parameters)
        check_datatype(spec, entry.datatype)
        shape = check_shape(spec, list(entry.shape), limits)
        inputs[spec.name] = _tensor(spec, shape, entry, raw[number] if raw else None)
    asked = [(model.output(output.name), True) for output in request.outputs]
    for output in request.outputs:
        _parameters(output.parameters)
    identity, parameters = check_id(request.id, limits), _parameters(request.parameters)
    return Inference(identity, model.complete(inputs), parameters, wanted_outputs(model, asked, binary=True))


def write_message(model: Model, asked: Inference, found: Mapping[str, Tensor]) -> Any:
    """Write an answer, its tensors as bytes."""
    outputs, raw = [], []
    for name in asked.outputs:
        spec = model.output(name)
        array = found[name].astype(spec.dtype, order="C", copy=False)
        outputs.append(
            pb.ModelInferResponse.InferOutputTensor(name=name, datatype=spec.datatype, shape=list(array.shape))
        )
        raw.append(array.tobytes())
    return pb.ModelInferResponse(
        model_name=model.name, model_version=VERSION, id=asked.id, outputs=outputs, raw_output_contents=raw
    )


def _tensor(spec: TensorSpec, shape: tuple[int, ...], entry: Any, raw: bytes | None) -> Tensor:
    kinds = [field.name for field, _ in entry.contents.ListFields()]
    if raw is not None:
        if kinds:
            raise RequestError(400, "an input has contents or raw_input_contents, not both")
        return from_bytes(spec, shape, memoryview(raw))
    if kinds != [_CONTENTS[spec.datatype]]:
        raise RequestError(400, f"input {spec.name!r} must come as {_CONTENTS[spec.datatype]} or raw_input_contents")
    numbers = getattr(entry.contents, kinds[0])
    return from_numbers(spec, shape, list(numbers))


def _parameters(given: Mapping[str, Any]) -> dict[str, Parameter]:
    """Read parameters; one without a value is refused with those that are no scalars."""
    chosen = {name: (value, value.WhichOneof("parameter_choice")) for name, value in given.items()}
    return check_parameters({name: getattr(value, kind) if kind else None for name, (value, kind) in chosen.items()})
