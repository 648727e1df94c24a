"""The graphs a backbone and a head offer, each with what its file must reproduce."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import torch
from torch import Tensor, nn

from unbraid.core.bundle import GRAPH_NAME
from unbraid.core.errors import ExportError
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
        name: `encode`, `disentangle`, ...
        graph: what is exported, with names and shapes; `module` is unused where `data` is given.
        reference: the torch computation the file must reproduce; tensors in and out on the CPU.
        data: an ONNX file to copy verbatim.
    """

    name: str
    graph: Graph
    reference: Callable[..., tuple[Tensor, ...]]
    data: bytes | None = None

    def onnx_bytes(self, opset: int) -> bytes:
        """Give the checked bytes of the ONNX file."""
        if self.data is not None:
            return from_bytes(self.name, self.data, self.graph)
        return to_onnx(self.name, self.graph, opset=opset)


def stages_of(model: Exportable) -> list[Stage]:
    """List the graphs the pair is capable of, in the order data takes through them.

    Raises:
        ExportError: a graph has a name no bundle can hold, or two have the same.
    """
    stages = [_backbone_stage(model.backbone, "encode"), *_head_stages(model.head)]
    if "decode" in model.backbone.info.capabilities:
        stages.append(_backbone_stage(model.backbone, "decode"))
    _check_names([stage.name for stage in stages])
    return stages


def _backbone_stage(backbone: Backbone, name: Literal["encode", "decode"]) -> Stage:
    image, latent = {"image": backbone.info.input.shape}, {"latent": backbone.info.latent.shape}
    inputs, outputs = (image, latent) if name == "encode" else (latent, image)
    source = backbone.graph(name)
    if isinstance(source, nn.Module):
        return _module_stage(name, Graph(source, inputs, outputs))
    verb = backbone.encode if name == "encode" else backbone.decode
    return Stage(name, Graph(backbone, inputs, outputs), _on_device(verb, backbone), source)


def _head_stages(head: Disentangler) -> Iterator[Stage]:
    for name, graph in head.graphs().items():
        yield _module_stage(name, graph)


def _module_stage(name: str, graph: Graph) -> Stage:
    # Not baked: the parity check then also sees whether baking changed anything.
    module = evaluation_copy(graph.module)

    def reference(*inputs: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            return _as_tuple(module(*inputs))

    return Stage(name, graph, reference)


def _on_device(verb: Callable[[Tensor], Tensor], backbone: Backbone) -> Callable[..., tuple[Tensor, ...]]:
    tensor = next(backbone.parameters(), next(backbone.buffers(), torch.empty(0)))

    def reference(x: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            return (verb(x.to(tensor.device)).cpu(),)

    return reference


def _as_tuple(result: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    return (result,) if isinstance(result, Tensor) else tuple(result)


def _check_names(names: list[str]) -> None:
    for name in names:
        if not GRAPH_NAME.fullmatch(name) or names.count(name) > 1:
            raise ExportError(
                f"a graph cannot be called {name!r}",
                expected=f"{GRAPH_NAME.pattern}, each once",
                found=", ".join(names),
                hint="rename it in the head's graphs()",
            )
