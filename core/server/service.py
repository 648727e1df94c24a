"""What a server serves: models by name, fixed when it starts."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from unbraid.core.errors import ConfigError, RequestError, ServerError
from unbraid.core.server.body import Buffers
from unbraid.core.server.engine import Engine
from unbraid.core.server.graph_models import graph_models
from unbraid.core.server.inference import Inference
from unbraid.core.server.limits import Limits
from unbraid.core.server.metrics import Metrics
from unbraid.core.server.models import MODEL_NAME, VERSION, Model, Tensors
from unbraid.core.server.verb_models import verb_models
from unbraid.core.serving import Bundle

EXTENSIONS = ("binary_tensor_data", "parameters")


class Service:
    """Bundles, their models, and the engine that runs them.

    With one bundle its models are called as its graphs and the verbs; with several, the name of the bundle stands
    before: `letters-transfer`. So it is with the heads of a bundle that has several.

    Args:
        bundles: by name.
        workers: graphs that run at the same time, each on one thread.
        limits: on clients.

    Raises:
        ConfigError: no bundle, or names that no model may have.
    """

    def __init__(self, bundles: Mapping[str, Bundle], *, workers: int = 2, limits: Limits | None = None) -> None:
        if not bundles:
            raise ConfigError("nothing to serve", expected="at least one bundle", found="none")
        for name in bundles:
            _check_name(name)
        self.limits = limits or Limits()
        self.metrics = Metrics()
        self.engine = Engine(workers, self.limits.batch_rows, self.metrics.batch)
        self.buffers = Buffers(self.limits)
        self.bundles = dict(bundles)
        self.models = {model.name: model for name in bundles for model in self._models(name, len(bundles) > 1)}
        self.stopping = False
        self._running = 0
        self.metrics.watch(self)

    @property
    def running(self) -> int:
        """Requests for inference that were let in and are not answered yet."""
        return self._running

    def model(self, name: str, version: str = VERSION) -> Model:
        """Find a model.

        Raises:
            RequestError: 404, there is none of that name and version.
        """
        model = self.models.get(name) if version == VERSION else None
        if model is None:
            raise RequestError(404, "there is no such model, or not in this version")
        return model

    def metadata(self) -> dict[str, Any]:
        """Give the server metadata of the protocol."""
        return {"name": "unbraid", "version": _version(), "extensions": list(EXTENSIONS)}

    def admit(self) -> "Admission":
        """Let a request in before its body is read; use as a context.

        Raises:
            ServerError: 503, as many as may be are inside.
        """
        if self._running >= self.limits.requests or self.stopping:
            raise ServerError(503, "the server is busy; try again")
        return Admission(self)

    async def infer(self, model: Model, asked: Inference) -> Tensors:
        """Run a model.

        Raises:
            RequestError: the request goes beyond the limits.
            ServerError: 504 it took too long, 500 it failed.
        """
        try:
            async with asyncio.timeout(asked.seconds(self.limits)):
                return await model.call(asked.inputs, asked.parameters)
        except TimeoutError:
            raise ServerError(504, "the model did not answer in time") from None

    def _models(self, name: str, several: bool) -> Sequence[Model]:
        prefix = f"{name}-" if several else ""
        bundle = self.bundles[name]
        models = graph_models(bundle, self.engine, self.limits, prefix)
        for head in bundle.heads:
            one, own = (bundle, prefix) if len(bundle.heads) == 1 else (bundle.head(head), f"{prefix}{head}-")
            models += verb_models(one, self.engine, self.limits, own)
        for model in models:
            _check_name(model.name)
        return models


class Admission:
    """A request inside the server."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def __enter__(self) -> None:
        self._service._running += 1

    def __exit__(self, *error: object) -> None:
        self._service._running -= 1


def _check_name(name: str) -> None:
    if not MODEL_NAME.fullmatch(name):
        hint = "give the bundle another: NAME=FOLDER"
        expected = "lower-case letters, digits, - and _, at most 64"
        raise ConfigError("no name for a model", expected=expected, found=repr(name), hint=hint)


def _version() -> str:
    try:
        return version("unbraid")
    except PackageNotFoundError:
        return "0+uninstalled"
