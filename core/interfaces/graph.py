"""What export writes: a module with named inputs and outputs."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True, slots=True)
class Graph:
    """One ONNX graph to be: `module(*inputs)` returns a tensor, or a tuple in the order of `outputs`.

    Args:
        module: in eval mode, parametrisations baked in, no randomness (noise is an input).
        inputs: name -> shape without the batch dimension, in the order of the module's arguments.
        outputs: name -> shape without the batch dimension, in the order of the module's results.
    """

    module: nn.Module
    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]
