"""The routes of the Open Inference Protocol v2."""

from typing import Any

from fastapi import APIRouter, Request, Response

from unbraid.core.server import openapi, rest
from unbraid.core.server.guard import MODEL
from unbraid.core.server.models import Model
from unbraid.core.server.replies import json_reply
from unbraid.core.server.routing import Handler, plain_router
from unbraid.core.server.service import Service

_NAMED = (400, 401, 404, 405, 415, 421)
_TENSOR = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "datatype": {"type": "string"},
        "parameters": {"type": "object"},
        "data": {"type": "array", "items": {}},
    },
}
_REQUEST = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string"},
        "parameters": {"type": "object"},
        "inputs": {"type": "array", "items": _TENSOR},
        "outputs": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
    },
}


def protocol_routes(service: Service) -> APIRouter:
    """Make the routes of a service; each has the path with a version too, which is always 1."""
    router = plain_router("Open Inference Protocol")
    routes = ProtocolRoutes(service)
    _add_for_models(router, service, "/infer", routes.infer, "POST", (408, 413, 500, 503, 504))
    _add_for_models(router, service, "", routes.metadata)
    _add_for_models(router, service, "/ready", routes.model_ready)
    for path, handler in (
        ("/v2/health/live", routes.live),
        ("/v2/health/ready", routes.ready),
        ("/v2", routes.server),
    ):
        router.add_api_route(path, handler, methods=["GET"], responses=openapi.responses(401, 405, 415, 421, 503))
    answers = openapi.responses(401, 405, 415, 421, schema={"type": "array"})
    router.add_api_route("/v2/repository/index", routes.index, methods=["POST"], responses=answers)
    return router


def _add_for_models(
    router: APIRouter,
    service: Service,
    suffix: str,
    handler: Handler,
    method: str = "GET",
    more: tuple[int, ...] = (),
) -> None:
    for version in ("", "/versions/{version}"):
        extra: dict[str, Any] = {"parameters": openapi.path_parameters(service.models, version=bool(version))}
        if method == "POST":
            extra["requestBody"] = openapi.body(openapi.JSON, schema=_REQUEST)
        router.add_api_route(
            f"/v2/models/{{model}}{version}{suffix}",
            handler,
            methods=[method],
            openapi_extra=extra,
            responses=openapi.responses(*_NAMED, *more),
        )


class ProtocolRoutes:
    """What the routes do."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def live(self, request: Request) -> Response:
        """Say that the process is there."""
        return json_reply({"live": True})

    async def ready(self, request: Request) -> Response:
        """Say whether requests are taken: all graphs are open before the first is, until the server stops."""
        ready = not self._service.stopping
        return json_reply({"ready": ready}, 200 if ready else 503)

    async def server(self, request: Request) -> Response:
        """Describe the server."""
        return json_reply(self._service.metadata())

    async def index(self, request: Request) -> Response:
        """List the models. They cannot be loaded or unloaded."""
        entries = [{"name": name, "version": "1", "state": "READY"} for name in self._service.models]
        return json_reply(entries)

    async def metadata(self, request: Request) -> Response:
        """Describe a model: its inputs and outputs."""
        return json_reply(self._model(request).metadata())

    async def model_ready(self, request: Request) -> Response:
        """Say that a model is ready; one that is there always is."""
        return json_reply({"name": self._model(request).name, "ready": True})

    async def infer(self, request: Request) -> Response:
        """Run a model on tensors, in JSON or as bytes behind it (binary tensor data extension)."""
        service = self._service
        model = self._model(request)
        with service.admit():
            body = await service.buffers.read(request.receive, request.headers.get("content-length"))
            try:
                lengths = request.headers.getlist(rest.HEADER_LENGTH)
                asked = rest.read_request(model, body, lengths, service.limits)
                found = await service.infer(model, asked)
            finally:
                service.buffers.release(len(body))
        content, headers = rest.write_answer(model, asked, found)
        return Response(content, headers=headers)

    def _model(self, request: Request) -> Model:
        model = self._service.model(**_path(request))
        request.scope[MODEL] = model.name
        return model


def _path(request: Request) -> dict[str, str]:
    """Give the arguments of `Service.model`."""
    given = request.path_params
    return {"name": given["model"]} | ({"version": given["version"]} if "version" in given else {})
