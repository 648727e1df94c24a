"""Every graph of a bundle as a model."""

from collections.abc import Mapping

from unbraid.core.bundle import BundleTensor
from unbraid.core.server.engine import Engine
from unbraid.core.server.limits import Limits
from unbraid.core.server.models import Model, Parameter, Tensors, check_output
from unbraid.core.server.tensors import TensorSpec
from unbraid.core.serving import Bundle

SUMMARIES = {
    "encode": "Images to latents.",
    "disentangle": "Latents to factors.",
    "entangle": "Factors to latents.",
    "decode": "Latents to images.",
    "score": "How alike the content of two sets of rows is; higher is more alike.",
    "classify": "Latents to class logits.",
}
#: Graphs with an input of this name take zeros where it is left out.
NOISE = "noise"


def graph_models(bundle: Bundle, engine: Engine, limits: Limits, prefix: str = "") -> list[Model]:
    """Give a model for each graph; images are held to [0, 1].

    Args:
        bundle: the graphs.
        engine: runs them.
        limits: on what comes out.
        prefix: of the names of the models.
    """
    return [_graph_model(bundle, engine, limits, name, prefix) for name in bundle.manifest.graphs]


def _graph_model(bundle: Bundle, engine: Engine, limits: Limits, name: str, prefix: str) -> Model:
    graph = bundle.manifest.graphs[name]
    inputs = tuple(_spec(tensor, image=tensor.name == "image") for tensor in graph.inputs)
    outputs = tuple(_spec(tensor) for tensor in graph.outputs)

    async def call(given: Tensors, parameters: Mapping[str, Parameter]) -> Tensors:
        rows = len(next(iter(given.values())))
        for output in outputs:
            check_output(output, rows, limits)
        return await engine.run(bundle, name, given)

    summary = SUMMARIES.get(name.rpartition("-")[2], f"The graph {name} of the bundle.")
    return Model(prefix + name, summary, inputs, outputs, call)


def _spec(tensor: BundleTensor, *, image: bool = False) -> TensorSpec:
    return TensorSpec(tensor.name, (-1, *tensor.shape), image=image, optional=tensor.name == NOISE)
