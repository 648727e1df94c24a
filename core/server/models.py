"""What a client can call: a name, typed tensors in and out, and a coroutine between them."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unbraid.core.errors import RequestError
from unbraid.core.server.limits import Limits
from unbraid.core.server.tensors import Tensor, TensorSpec

#: Models have one version: another bundle is another server.
VERSION = "1"
#: What a model may be called; names come from a fixed table and never become part of a path.
MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

#: A value of a request's `parameters`.
Parameter = bool | int | float | str
Tensors = Mapping[str, Tensor]
Call = Callable[[Tensors, Mapping[str, Parameter]], Awaitable[Tensors]]


@dataclass(frozen=True, slots=True)
class Model:
    """A graph of a bundle, or a verb composed of several.

    Args:
        name: in URLs.
        summary: one sentence for people.
        inputs: in order.
        outputs: in order.
        call: runs it on checked inputs; outputs may share memory with each other.
        verb: name of the verb, without that of bundle or head; empty for a graph.
    """

    name: str
    summary: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    call: Call = field(repr=False)
    verb: str = ""

    @property
    def platform(self) -> str:
        """What runs it, as metadata states it."""
        return "unbraid_verb" if self.verb else "onnxruntime_onnx"

    def metadata(self) -> dict[str, Any]:
        """Give the model metadata of the protocol."""
        return {
            "name": self.name,
            "versions": [VERSION],
            "platform": self.platform,
            "inputs": [spec.to_json() for spec in self.inputs],
            "outputs": [spec.to_json() for spec in self.outputs],
        }

    def input(self, name: Any) -> TensorSpec:
        """Find an input by the name a client gives.

        Raises:
            RequestError: 400, there is none.
        """
        return _named(self.inputs, name, f"inputs of {self.name!r} are {_names(self.inputs)}")

    def output(self, name: Any) -> TensorSpec:
        """Find an output by the name a client gives.

        Raises:
            RequestError: 400, there is none.
        """
        return _named(self.outputs, name, f"outputs of {self.name!r} are {_names(self.outputs)}")

    def complete(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Check that all inputs are there with as many rows where they must; fill those that are optional.

        Raises:
            RequestError: 400.
        """
        rows = {(spec.rows, len(inputs[spec.name])) for spec in self.inputs if spec.name in inputs}
        counts = dict(rows)
        missing = [spec for spec in self.inputs if spec.name not in inputs]
        if any(not spec.optional or spec.rows not in counts for spec in missing) or not inputs:
            raise RequestError(400, f"inputs of {self.name!r} are {_names(self.inputs)}")
        if len(counts) != len(rows):
            raise RequestError(400, f"inputs of {self.name!r} must have as many rows as each other")
        return inputs | {spec.name: np.zeros((counts[spec.rows], *spec.shape[1:]), spec.dtype) for spec in missing}


def check_output(spec: TensorSpec, rows: int, limits: Limits) -> None:
    """Refuse rows that would make too much of an output.

    Raises:
        RequestError: 413.
    """
    if rows > limits.rows or rows * spec.row_elements > limits.elements:
        raise RequestError(413, f"at most {limits.rows} rows and {limits.elements} numbers in {spec.name!r}")


def _names(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(repr(spec.name) for spec in specs)


def _named(specs: tuple[TensorSpec, ...], name: Any, problem: str) -> TensorSpec:
    for spec in specs:
        if spec.name == name:
            return spec
    raise RequestError(400, problem)
