"""The protocol over REST: requests with JSON or binary tensors, and answers of the same kinds."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from unbraid.core.errors import RequestError
from unbraid.core.server.inference import Inference, check_id, check_parameters, flag, wanted_outputs
from unbraid.core.server.json_body import parse_object
from unbraid.core.server.limits import Limits
from unbraid.core.server.models import VERSION, Model, Tensors
from unbraid.core.server.tensors import Tensor, TensorSpec, check_datatype, check_shape, from_bytes, from_numbers

#: Where the JSON of a body ends and the bytes of its tensors begin.
HEADER_LENGTH = "inference-header-content-length"
_MEMBERS = {
    "request": {"id", "parameters", "inputs", "outputs"},
    "input": {"name", "shape", "datatype", "parameters", "data"},
    "output": {"name", "parameters"},
}


def read_request(model: Model, body: bytes, header_lengths: Sequence[str], limits: Limits) -> Inference:
    """Read the body of an infer request.

    Args:
        model: it is for.
        body: JSON, or JSON and then the bytes of the binary tensors in the order of the inputs.
        header_lengths: values of the header that says where JSON ends; none for a body of JSON.
        limits: to hold it to.

    Raises:
        RequestError: it is malformed, does not fit the model, or goes beyond the limits.
    """
    view = memoryview(body)
    end = _json_end(header_lengths, len(body))
    document = _object(parse_object(view[:end], limits), "request")
    inputs = _read_inputs(model, _objects(document.get("inputs"), "input"), view[end:], limits)
    parameters = check_parameters(document.get("parameters", {}))
    binary = flag(parameters, "binary_data_output", default=False)
    asked = [_read_output(model, output, binary) for output in _objects(document.get("outputs", []), "output")]
    identity = check_id(document.get("id", ""), limits)
    return Inference(identity, model.complete(inputs), parameters, wanted_outputs(model, asked, binary))


def write_answer(model: Model, asked: Inference, found: Tensors) -> tuple[bytes, dict[str, str]]:
    """Write an answer; gives its body and headers.

    Args:
        model: that answered.
        asked: the request.
        found: all outputs of the model.
    """
    outputs, tail = [], []
    for name, binary in asked.outputs.items():
        spec = model.output(name)
        entry, raw = _write_output(spec, as_wire(found[name], spec), binary)
        outputs.append(entry)
        tail += raw
    document: dict[str, Any] = {"model_name": model.name, "model_version": VERSION, "outputs": outputs}
    if asked.id:
        document["id"] = asked.id
    head = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    if not any(asked.outputs.values()):
        return head, {"content-type": "application/json"}
    return b"".join((head, *tail)), {"content-type": "application/octet-stream", HEADER_LENGTH: str(len(head))}


def as_wire(array: Tensor, spec: TensorSpec) -> Tensor:
    """Give an array as it lies on the wire."""
    return array.astype(spec.dtype, order="C", copy=False)


def _write_output(spec: TensorSpec, array: Tensor, binary: bool) -> tuple[dict[str, Any], list[bytes]]:
    entry: dict[str, Any] = {"name": spec.name, "datatype": spec.datatype, "shape": array.shape}
    if binary:
        return entry | {"parameters": {"binary_data_size": array.nbytes}}, [array.tobytes()]
    return entry | {"data": array.ravel()}, []


def _json_end(header_lengths: Sequence[str], size: int) -> int:
    if not header_lengths:
        return size
    plain = len(header_lengths) == 1 and re.fullmatch(r"[0-9]{1,12}", header_lengths[0])
    if not plain or not 0 < int(header_lengths[0]) <= size:
        raise RequestError(400, f"{HEADER_LENGTH} must be the number of bytes of JSON at the start of the body")
    return int(header_lengths[0])


def _object(value: Any, kind: str) -> dict[str, Any]:
    known = _MEMBERS[kind]
    if not isinstance(value, dict) or not value.keys() <= known:
        raise RequestError(400, f"each {kind} is an object with nothing but {', '.join(sorted(known))}")
    return value


def _objects(value: Any, kind: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > 256:
        raise RequestError(400, f"{kind}s must be a list of objects")
    return [_object(entry, kind) for entry in value]


def _read_inputs(
    model: Model, entries: Sequence[Mapping[str, Any]], tail: memoryview, limits: Limits
) -> dict[str, Tensor]:
    inputs: dict[str, Tensor] = {}
    at = 0
    for entry in entries:
        spec = model.input(entry.get("name"))
        if spec.name in inputs:
            raise RequestError(400, f"input {spec.name!r} is given twice")
        check_datatype(spec, entry.get("datatype"))
        shape = check_shape(spec, entry.get("shape"), limits)
        size = _binary_size(entry)
        if size is None:
            inputs[spec.name] = from_numbers(spec, shape, entry.get("data"))
        else:
            inputs[spec.name] = from_bytes(spec, shape, tail[at : at + size])
            at += size
    if at != len(tail):
        raise RequestError(400, "the body has more or fewer bytes than its binary inputs")
    return inputs


def _binary_size(entry: Mapping[str, Any]) -> int | None:
    """Give how many bytes of the tail are an input's, or None where its data is JSON."""
    size = check_parameters(entry.get("parameters", {})).get("binary_data_size")
    if size is None:
        return None
    if type(size) is not int or size < 0 or "data" in entry:
        raise RequestError(400, "binary_data_size must be a number of bytes, and stand in place of data")
    return size


def _read_output(model: Model, entry: Mapping[str, Any], binary: bool) -> tuple[TensorSpec, bool]:
    spec = model.output(entry.get("name"))
    return spec, flag(check_parameters(entry.get("parameters", {})), "binary_data", binary)
