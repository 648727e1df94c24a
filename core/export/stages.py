"""The graphs a backbone and a head offer, each with what its file must reproduce."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import torch
from torch import Tensor, nn

from unbraid.core.bundle import GRAPH_NAME, TENSOR_NAME, qualified
from unbraid.core.errors import CapabilityError, ExportError
from unbraid.core.export.conversion import from_bytes, to_onnx
from unbraid.core.export.copying import evaluation_copy
from unbraid.core.interfaces.backbone import Backbone
from unbraid.core.interfaces.disentangler import Disentangler
from unbraid.core.interfaces.graph import Graph

if TYPE_CHECKING:
    from unbraid.core.attached.building import Method


class Exportable(Protocol):
    """What export needs to know of a model; an `AttachedModel` with one domain is one."""

    @property
    def backbone(self) -> Backbone:
        """The frozen encoder and, where there is one, decoder."""
        ...

    @property
    def head(self) -> Disentangler:
        """The trained disentangler."""
        ...

    @property
    def method(self) -> "Method":
        """The method and what provides it."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """One graph of the bundle.

    Args:
        name: of the graph: `encode`, `disentangle`, `letters-disentangle`, ...
        graph: what is exported, with names and shapes; `module` is unused where `data` is given.
        reference: the torch computation the file must reproduce; tensors in and out on the CPU.
        data: an ONNX file to copy verbatim.
        head: name of the head it belongs to; None for the backbone's.
        verb: what the head calls it.
    """

    name: str
    graph: Graph
    reference: Callable[..., tuple[Tensor, ...]]
    data: bytes | None = None
    head: str | None = None
    verb: str = ""

    def onnx_bytes(self, opset: int) -> bytes:
        """Give the checked bytes of the ONNX file."""
        if self.data is not None:
            return from_bytes(self.name, self.data, self.graph)
        return to_onnx(self.name, self.graph, opset=opset)


def stages_of(models: Mapping[str, Exportable]) -> list[Stage]:
    """List the graphs of one backbone and its heads, in the order data takes through them.

    Args:
        models: head name -> model; the graphs of several heads are called `<head>-<verb>`.

    Raises:
        ExportError: a graph or one of its tensors has a name no bundle can hold, or two graphs have the same.
    """
    backbone = next(iter(models.values())).backbone
    stages = [_backbone_stage(backbone, "encode")]
    for name, model in models.items():
        stages += _head_stages(model.head, name, prefixed=len(models) > 1)
    if "decode" in backbone.info.capabilities and not left_out(backbone):
        stages.append(_backbone_stage(backbone, "decode"))
    return _checked(stages)


def left_out(backbone: Backbone) -> dict[str, str]:
    """Give the graphs that a bundle goes without although the backbone can do what they do: name -> why."""
    if "decode" not in backbone.info.capabilities:
        return {}
    try:
        backbone.graph("decode")
    except CapabilityError as error:
        return {"decode": error.problem}
    return {}


def _backbone_stage(backbone: Backbone, name: Literal["encode", "decode"]) -> Stage:
    image, latent = {"image": backbone.info.input.shape}, {"latent": backbone.info.latent.shape}
    inputs, outputs = (image, latent) if name == "encode" else (latent, image)
    source = backbone.graph(name)
    if isinstance(source, nn.Module):
        return Stage(name, Graph(source, inputs, outputs), _reference(source))
    verb = backbone.encode if name == "encode" else backbone.decode
    return Stage(name, Graph(backbone, inputs, outputs), _on_device(verb, backbone), source)


def _head_stages(head: Disentangler, name: str, prefixed: bool) -> Iterator[Stage]:
    for verb, graph in head.graphs().items():
        called = qualified(name if prefixed else None, verb)
        yield Stage(called, graph, _reference(graph.module), head=name, verb=verb)


def _reference(module: nn.Module) -> Callable[..., tuple[Tensor, ...]]:
    # Not baked: the parity check then also sees whether baking changed anything.
    copied = evaluation_copy(module)

    def reference(*inputs: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            return _as_tuple(copied(*inputs))

    return reference


def _on_device(verb: Callable[[Tensor], Tensor], backbone: Backbone) -> Callable[..., tuple[Tensor, ...]]:
    tensor = next(backbone.parameters(), next(backbone.buffers(), torch.empty(0)))

    def reference(x: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            return (verb(x.to(tensor.device)).cpu(),)

    return reference


def _as_tuple(result: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    return (result,) if isinstance(result, Tensor) else tuple(result)


def _checked(stages: list[Stage]) -> list[Stage]:
    names = [stage.name for stage in stages]
    for stage in stages:
        if not GRAPH_NAME.fullmatch(stage.name) or names.count(stage.name) > 1:
            raise ExportError(
                f"a graph cannot be called {stage.name!r}",
                expected=f"{GRAPH_NAME.pattern}, each once",
                found=", ".join(names),
                hint="rename it in the head's graphs()",
            )
        for tensor in (*stage.graph.inputs, *stage.graph.outputs):
            if not TENSOR_NAME.fullmatch(tensor):
                raise ExportError(
                    f"graph {stage.name}: an input or output cannot be called {tensor!r}",
                    expected=TENSOR_NAME.pattern,
                    found=repr(tensor),
                    hint="rename the factor, or the tensor in the head's graphs()",
                )
    return stages
