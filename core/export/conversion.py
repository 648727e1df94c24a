"""One module to one ONNX file."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from onnx import ModelProto
from torch import Tensor, nn

from unbraid.core.bundle.rules import OPSETS, Violation, file_violations, violations
from unbraid.core.errors import ConfigError, ExportError
from unbraid.core.export.copying import bake, evaluation_copy
from unbraid.core.export.stripping import file_bytes, strip
from unbraid.core.interfaces.draws import Draws
from unbraid.core.interfaces.graph import Graph

#: Rows of the example batch: one row would invite the exporter to take 1 for a constant.
EXAMPLE_ROWS = 2
_ADVICE = (
    "use tensor operations only: torch.where instead of branches on data, x.shape[0] or -1 instead of a batch size, "
    "noise as an input, decompositions baked into buffers"
)


def check_opset(opset: int) -> None:
    """Refuse opset versions the exporter writes wrongly or silently replaces.

    Raises:
        ConfigError: it is not within 18..23.
    """
    if opset not in OPSETS:
        raise ConfigError(
            "this opset version cannot be exported",
            expected=f"{OPSETS[0]}..{OPSETS[-1]}",
            found=opset,
            hint="20 is the default and runs nearly everywhere",
        )


def to_onnx(name: str, graph: Graph, *, opset: int = 20) -> bytes:
    """Export a graph to the bytes of one self-contained ONNX file with a free batch size.

    The module itself is not touched: a copy in evaluation mode with baked parametrisations is exported. Equal modules
    give equal bytes.

    Args:
        name: what error messages call the graph.
        graph: the module with the names and shapes of what it takes and gives.
        opset: version of the operator set, 18..23.

    Raises:
        ConfigError: the opset version is out of range.
        ExportError: the module cannot be exported, or the file breaks a rule of bundles.
    """
    check_opset(opset)
    module = evaluation_copy(graph.module)
    bake(module)
    model = strip(_export(name, module, graph, opset))
    check(name, model, graph, opset=opset)
    return file_bytes(model)


def from_bytes(name: str, data: bytes, graph: Graph) -> bytes:
    """Check the bytes of an ONNX file that somebody else made, and give them back as they are.

    Raises:
        ExportError: it is no ONNX file, or breaks a rule of bundles.
    """
    _raise_first(file_violations(name, data, inputs=graph.inputs, outputs=graph.outputs))
    return data


def check(name: str, model: ModelProto, graph: Graph, *, opset: int | None = None) -> None:
    """Hold a file to the rules of bundles (`unbraid.core.bundle.violations`).

    Raises:
        ExportError: the first rule it breaks, with the graph, the node and what to do.
    """
    _raise_first(violations(name, model, inputs=graph.inputs, outputs=graph.outputs, opset=opset))


def _raise_first(broken_rules: Iterator[Violation]) -> None:
    for broken in broken_rules:
        raise ExportError(broken.problem, expected=broken.expected, found=broken.found, hint=broken.hint)


class _Call(nn.Module):
    """Take the arguments as one tuple, so that any signature can be described to the exporter."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, arguments: tuple[Tensor, ...]) -> Any:
        return self.module(*arguments)


def _export(name: str, module: nn.Module, graph: Graph, opset: int) -> ModelProto:
    example = tuple(Draws(0, key, 0).normal(EXAMPLE_ROWS, *shape) for key, shape in graph.inputs.items())
    # The name as a text: a torch.export.Dim would quietly become the size of the example where code fixes the batch.
    free = tuple({0: "batch"} for _ in example)
    try:
        with _left_as_found():
            program = torch.onnx.export(
                _Call(module).eval(),
                (example,),
                input_names=list(graph.inputs),
                output_names=list(graph.outputs),
                opset_version=opset,
                dynamo=True,
                external_data=False,
                dynamic_shapes=(free,),
                verbose=False,
            )
    except Exception as error:  # the exporter runs the module: anything can be raised
        raise _not_exported(name, error) from error
    assert program is not None
    return program.model_proto


@contextlib.contextmanager
def _left_as_found() -> Iterator[None]:
    """Keep the global generator as it is, and the exporter's talk about its own workings to itself."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _not_exported(name: str, error: BaseException) -> ExportError:
    while error.__cause__ is not None:
        error = error.__cause__
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
    return ExportError(
        f"graph {name} cannot be exported",
        expected="a module that torch.onnx.export can follow",
        found=f"{type(error).__name__}: {first}",
        hint=_ADVICE,
    )
