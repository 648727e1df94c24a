"""The rules every graph of a bundle keeps, checked on the file itself and not on what made it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper

#: Opset versions a bundle may have: 18 is the first the exporter writes correctly, 23 what common runtimes read.
OPSETS = range(18, 24)

_DEFAULT_DOMAINS = frozenset({"", "ai.onnx"})
_RANDOM = re.compile(r"Random\w*|Multinomial|Bernoulli")
_CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})
# Texts, pictures in files, lists and values that may be missing: heads compute with none of them, servers take none.
_NO_NUMBERS = re.compile(
    r"String\w*|RegexFullMatch|TfIdfVectorizer|ImageDecoder|Optional\w*|Sequence\w*|SplitToSequence|ConcatFromSequence"
)
# Node names of other exporters start with "/", so a leading slash alone is not a path.
_LOCAL_PATH = re.compile(
    r"stack_trace|\bFile \"|\.py\b[\":, ]|(?:^|[\s\"'=:(])(?:file:/|~/|[A-Za-z]:\\|\\\\\w"
    r"|/(?:home|Users|root|tmp|var|opt|usr|etc|mnt|media|srv|work|workspace|data|content|private)/)"
)


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: the problem and where, what was expected and found, and what to do about it."""

    problem: str
    expected: str
    found: str
    hint: str


@dataclass(frozen=True, slots=True)
class _Case:
    """A graph with what it is declared to be."""

    name: str
    model: ModelProto
    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]
    opset: int | None


def violations(
    name: str,
    model: ModelProto,
    *,
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Mapping[str, tuple[int, ...]],
    opset: int | None = None,
) -> Iterator[Violation]:
    """Walk a graph and give every rule it breaks.

    Args:
        name: what messages call the graph.
        model: the parsed ONNX file.
        inputs: declared name -> shape without the batch dimension, in order.
        outputs: the same of the results.
        opset: the version that was asked for; None takes any in `OPSETS`.
    """
    case = _Case(name, model, inputs, outputs, opset)
    for rule in _RULES:
        yield from rule(case)


def file_violations(
    name: str,
    data: bytes,
    *,
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Mapping[str, tuple[int, ...]],
    opset: int | None = None,
) -> Iterator[Violation]:
    """Same as `violations`, for the bytes of a file; that they are no ONNX file is a violation too."""
    try:
        model = onnx.load_from_string(data)
    except DecodeError as error:
        yield Violation(f"graph {name} is no ONNX file", "ONNX", f"{len(data)} bytes: {error}", "export it again")
    else:
        yield from violations(name, model, inputs=inputs, outputs=outputs, opset=opset)


def summary(data: bytes) -> str:
    """Say in a line what a file computes with."""
    model = onnx.load_from_string(data)
    kinds = sorted({node.op_type for node in _nodes(model.graph)})
    (opset,) = (o.version for o in model.opset_import)
    return f"{len(model.graph.node)} nodes ({', '.join(kinds)}), opset {opset}"


def _opset(case: _Case) -> Iterator[Violation]:
    found = [o.version for o in case.model.opset_import if o.domain in _DEFAULT_DOMAINS]
    allowed = list(OPSETS) if case.opset is None else [v for v in OPSETS if v == case.opset]
    if len(found) != 1 or found[0] not in allowed:
        expected = f"{OPSETS[0]}..{OPSETS[-1]}" if case.opset is None else f"{case.opset}"
        hint = f"export with an opset in {OPSETS[0]}..{OPSETS[-1]}, or onnx.version_converter for a file you were given"
        yield Violation(f"graph {case.name}: wrong opset", f"opset {expected}", f"{found}", hint)


def _domains(case: _Case) -> Iterator[Violation]:
    foreign = {o.domain for o in case.model.opset_import} | {f.domain or "local function" for f in case.model.functions}
    hint = "write the module with standard operators; a bundle must run wherever ONNX does"
    for domain in sorted(foreign - _DEFAULT_DOMAINS):
        yield Violation(f"graph {case.name}: foreign operator set", "the default domain only", repr(domain), hint)
    for node in _nodes(case.model.graph):
        if node.domain not in _DEFAULT_DOMAINS:
            yield Violation(_at(case, node), "the default domain only", repr(node.domain), hint)


def _operators(case: _Case) -> Iterator[Violation]:
    constants = _false_constants(case.model.graph)
    for node in _nodes(case.model.graph):
        if _RANDOM.fullmatch(node.op_type):
            hint = "draw outside and take the noise as an input of the graph"
            yield Violation(_at(case, node), "no random operators", node.op_type, hint)
        elif node.op_type in _CONTROL_FLOW:
            hint = "unroll loops, and replace branches on data by torch.where"
            yield Violation(_at(case, node), "no control flow", node.op_type, hint)
        elif _NO_NUMBERS.fullmatch(node.op_type):
            yield Violation(
                _at(case, node), "operators on numbers", node.op_type, "compute with tensors of numbers only"
            )
        elif node.domain in _DEFAULT_DOMAINS and not onnx.defs.has(node.op_type):
            yield Violation(_at(case, node), "an operator of ONNX", node.op_type, "export with standard operators")
        elif node.op_type == "Dropout" and any(i and i not in constants for i in node.input[2:3]):
            hint = "call .eval() on the module before export"
            yield Violation(_at(case, node), "evaluation mode", "Dropout in training mode", hint)
        elif node.op_type == "BatchNormalization" and any(a.name == "training_mode" and a.i for a in node.attribute):
            hint = "call .eval() on the module before export"
            yield Violation(_at(case, node), "evaluation mode", "BatchNormalization in training mode", hint)


def _external_data(case: _Case) -> Iterator[Violation]:
    for tensor in _tensors(case.model):  # whatever a file holds beside its graph, too
        if tensor.data_location == TensorProto.EXTERNAL or len(tensor.external_data):
            hint = "write one file: onnx.load(path, load_external_data=True) and onnx.save without external data"
            problem = f"graph {case.name}: tensor {tensor.name or '(unnamed)'} lies in another file"
            yield Violation(problem, "all data in the graph's own file", "external data", hint)


def _interface(case: _Case) -> Iterator[Violation]:
    initialised = {tensor.name for tensor in case.model.graph.initializer}
    found = [value for value in case.model.graph.input if value.name not in initialised]
    yield from _tensors_agree(case, "input", found, case.inputs)
    yield from _tensors_agree(case, "output", list(case.model.graph.output), case.outputs)


def _tensors_agree(
    case: _Case, side: str, found: list[ValueInfoProto], declared: Mapping[str, tuple[int, ...]]
) -> Iterator[Violation]:
    names = [value.name for value in found]
    if names != list(declared):
        hint = f"make the {side}s of the module those that the graph declares, in the same order"
        yield Violation(f"graph {case.name}: wrong {side}s", ", ".join(declared) or "none", ", ".join(names), hint)
        return
    for value in found:
        yield from _tensor_agrees(case, side, value, declared[value.name])


def _tensor_agrees(case: _Case, side: str, value: ValueInfoProto, shape: tuple[int, ...]) -> Iterator[Violation]:
    where = f"graph {case.name}: {side} {value.name}"
    kind = value.type.tensor_type.elem_type
    if kind != TensorProto.FLOAT:
        hint = "cast inside the module"
        yield Violation(f"{where} has the wrong dtype", "float32", TensorProto.DataType.Name(kind), hint)
    dims = value.type.tensor_type.shape.dim
    if not dims or not dims[0].dim_param:
        hint = "use x.shape[0] and -1 in reshape and expand, never a number, so that the batch size stays free"
        yield Violation(f"{where} has a static batch", "a symbolic first dimension", f"{_shape(value)}", hint)
    elif tuple(d.dim_value if d.HasField("dim_value") else -1 for d in dims[1:]) != shape:
        hint = "declare the shape the module gives, without the batch dimension"
        yield Violation(f"{where} has the wrong shape", f"{['batch', *shape]}", f"{_shape(value)}", hint)


def _local_paths(case: _Case) -> Iterator[Violation]:
    for text in _strings(case.model):
        if _LOCAL_PATH.search(text):
            hint = "strip doc strings and metadata: unbraid.core.export.strip(model)"
            problem = f"graph {case.name}: the file holds a local path or source line"
            yield Violation(problem, "no trace of the machine it was made on", repr(text[:120]), hint)
            return  # they come by the hundred


_RULES: tuple[Callable[[_Case], Iterator[Violation]], ...] = (
    _opset,
    _domains,
    _operators,
    _external_data,
    _interface,
    _local_paths,
)


def _at(case: _Case, node: NodeProto) -> str:
    return f"graph {case.name}: node {node.name or '(unnamed)'} ({node.op_type}) is not allowed"


def _shape(value: ValueInfoProto) -> list[str | int]:
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """Give all nodes, those of nested graphs too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for nested in _graphs(attribute):
                yield from _nodes(nested)


def _graphs(attribute: AttributeProto) -> Iterator[GraphProto]:
    if attribute.HasField("g"):
        yield attribute.g
    yield from attribute.graphs


def _tensors(message: Any) -> Iterator[TensorProto]:
    """Give every tensor of a message: initialisers, sparse ones, and those inside attributes."""
    if isinstance(message, TensorProto):
        yield message
        return
    for _, value in message.ListFields():
        for part in _messages(value):
            yield from _tensors(part)


def _strings(message: Any) -> Iterator[str]:
    """Give every text of a message, string attributes too, but not the data of tensors."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_STRING:
            yield from [value] if isinstance(value, str) else value
        elif isinstance(message, AttributeProto) and field.name in ("s", "strings"):
            texts = [value] if isinstance(value, bytes) else value
            yield from (text.decode("utf-8", "replace") for text in texts)
        for part in _messages(value):
            yield from _strings(part)


def _messages(value: Any) -> Iterator[Any]:
    if hasattr(value, "ListFields"):
        yield value
    elif not isinstance(value, str | bytes | int | float):
        yield from (part for part in value if hasattr(part, "ListFields"))


def _false_constants(graph: GraphProto) -> set[str]:
    """Name the constants that hold False: what `training_mode` of a Dropout in evaluation mode may be."""
    named = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            named.update((node.output[0], a.t) for a in node.attribute if a.name == "value")
    bools = {name: tensor for name, tensor in named.items() if tensor.data_type == TensorProto.BOOL}
    return {name for name, tensor in bools.items() if not numpy_helper.to_array(tensor).any()}
