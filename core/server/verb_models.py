"""The verbs of a bundle as models."""

from collections.abc import Mapping

from unbraid.core.errors import RequestError
from unbraid.core.server.engine import Engine
from unbraid.core.server.limits import Limits
from unbraid.core.server.models import Call, Model, Parameter, Tensors
from unbraid.core.server.tensors import TensorSpec
from unbraid.core.server.verbs import Verbs
from unbraid.core.serving import Bundle

#: Of an interpolation, unless a client asks for more or fewer.
STEPS = 5

Specs = tuple[TensorSpec, ...]


def verb_models(bundle: Bundle, engine: Engine, limits: Limits, prefix: str = "") -> list[Model]:
    """Give a model for each verb the bundle is able to do.

    Args:
        bundle: the graphs.
        engine: runs them.
        limits: on what comes out.
        prefix: of the names of the models.
    """
    made = _Verbs(bundle, Verbs(bundle, engine, limits), limits, prefix)
    models = [made.factors()]
    if {"entangle", "decode"} <= bundle.manifest.graphs.keys():
        models += [made.reconstruct(), made.transfer(), made.interpolate()]
    if "content" in bundle.manifest.roles.values():
        models.append(made.few_shot())
        models += [made.compare()] if "score" in bundle.manifest.graphs else []
    return models


class _Verbs:
    """Makes the models of one bundle."""

    def __init__(self, bundle: Bundle, verbs: Verbs, limits: Limits, prefix: str) -> None:
        self._manifest = bundle.manifest
        self._verbs = verbs
        self._limits = limits
        self._prefix = prefix

    def factors(self) -> Model:
        async def call(given: Tensors, parameters: Mapping[str, Parameter]) -> Tensors:
            return await self._verbs.factors(given["image"])

        outputs = tuple(TensorSpec(factor.name, (-1, *factor.shape)) for factor in self._manifest.factors)
        return self._model("factors", "Images to factors.", (self._image("image"),), outputs, call)

    def reconstruct(self) -> Model:
        async def call(given: Tensors, parameters: Mapping[str, Parameter]) -> Tensors:
            return {"image": await self._verbs.reconstruct(given["image"])}

        summary = "Take images apart and put them together again."
        return self._drawing("reconstruct", summary, ("image",), call)

    def transfer(self) -> Model:
        async def call(given: Tensors, parameters: Mapping[str, Parameter]) -> Tensors:
            return {"image": await self._verbs.transfer(given["content"], given["style"])}

        summary = "Images with the content of some and the style of others, row by row."
        return self._drawing("transfer", summary, ("content", "style"), call)

    def interpolate(self) -> Model:
        async def call(given: Tensors, parameters: Mapping[str, Parameter]) -> Tensors:
            steps = _steps(parameters, self._limits)
            return {"image": await self._verbs.interpolate(given["first"], given["second"], steps)}

        summary = f"Mix content (first axis) and style (second) of two images in `steps` steps ({STEPS} unless given)."
        return self._drawing("interpolate", summary, ("first", "second"), call, free=3)

    def compare(self) -> Model:
        async def call(given: Tensors, parameters: Mapping[str, Parameter]) -> Tensors:
            return {"score": await self._verbs.compare(given["first"], given["second"])}

        inputs = (self._image("first"), self._image("second"))
        summary = "How alike the contents of two sets of images are; higher is more alike."
        return self._model("compare", summary, inputs, (TensorSpec("score", (-1,)),), call)

    def few_shot(self) -> Model:
        async def call(given: Tensors, parameters: Mapping[str, Parameter]) -> Tensors:
            found = await self._verbs.few_shot(given["support"], given["support_label"], given["query"])
            return found._asdict()

        inputs = (
            self._image("support", rows="support"),
            TensorSpec("support_label", (-1,), "INT64", rows="support"),
            self._image("query", rows="query"),
        )
        outputs = (
            TensorSpec("label", (-1,), "INT64"),
            TensorSpec("classes", (-1,), "INT64"),
            TensorSpec("scores", (-1, -1)),
        )
        summary = "Label images by a few labelled ones: the class whose examples are most like them in content."
        return self._model("few_shot", summary, inputs, outputs, call)

    def _drawing(self, name: str, summary: str, inputs: tuple[str, ...], call: Call, free: int = 1) -> Model:
        output = TensorSpec("image", (*[-1] * free, *self._manifest.image))
        return self._model(name, summary, tuple(map(self._image, inputs)), (output,), call)

    def _model(self, verb: str, summary: str, inputs: Specs, outputs: Specs, call: Call) -> Model:
        return Model(self._prefix + verb, summary, inputs, outputs, call, verb)

    def _image(self, name: str, rows: str = "batch") -> TensorSpec:
        return TensorSpec(name, (-1, *self._manifest.image), image=True, rows=rows)


def _steps(parameters: Mapping[str, Parameter], limits: Limits) -> int:
    steps = parameters.get("steps", STEPS)
    if type(steps) is not int or not 2 <= steps <= limits.steps:
        raise RequestError(400, f"parameter 'steps' must be a whole number from 2 to {limits.steps}")
    return steps
