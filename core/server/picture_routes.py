"""The verbs for people who have pictures: PNG or JPEG in, PNG or JSON out."""

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response

from unbraid.core.errors import RequestError
from unbraid.core.server import openapi
from unbraid.core.server.forms import read_form
from unbraid.core.server.guard import MODEL
from unbraid.core.server.inference import Inference
from unbraid.core.server.models import Model, Parameter
from unbraid.core.server.picture_files import drawable, read_picture, write_png
from unbraid.core.server.replies import json_reply
from unbraid.core.server.routing import plain_router
from unbraid.core.server.service import Service
from unbraid.core.server.tensors import Tensor

FORM = "multipart/form-data"
#: What the body is when it is one picture; clients that do not say are believed too.
RAW = ("", "image/png", "image/jpeg", "application/octet-stream", "application/x-www-form-urlencoded")
#: Fields of examples: `support.A` is an example of A.
SUPPORT = "support."

Files = Mapping[str, list[bytes]]


def picture_routes(service: Service) -> APIRouter:
    """Make a route for each verb of each bundle whose images files can hold."""
    router = plain_router("Pictures")
    for model in service.models.values():
        if model.verb and drawable(_shape(model)):
            route = PictureRoute(service, model)
            router.add_api_route(
                f"/pictures/{model.name}",
                route.answer,
                methods=["POST"],
                summary=model.summary,
                openapi_extra={"requestBody": route.body(), "parameters": route.parameters()},
                responses=openapi.responses(
                    *(400, 401, 405, 408, 413, 415, 421, 500, 503, 504),
                    kind="image/png" if route.draws else openapi.JSON,
                    schema={"type": "string", "format": "binary"} if route.draws else None,
                ),
            )
    return router


class PictureRoute:
    """Calls one model with picture files."""

    def __init__(self, service: Service, model: Model) -> None:
        self._service = service
        self._model = model
        self.draws = [spec.name for spec in model.outputs] == ["image"]

    async def answer(self, request: Request) -> Response:
        """Take pictures and give what the verb makes of them."""
        request.scope[MODEL] = self._model.name
        resize, parameters = self._query(request)
        with self._service.admit():
            files = await self._files(request)
            inputs, labels = await asyncio.to_thread(self._inputs, files, resize)
            asked = Inference("", self._model.complete(inputs), parameters, {})
            found = await self._service.infer(self._model, asked)
            if self.draws:
                png = await asyncio.to_thread(write_png, _grid(found["image"]))
                return Response(png, media_type="image/png")
        return json_reply({"answers": _episodes(found, labels)} if labels else {n: v[0] for n, v in found.items()})

    async def _files(self, request: Request) -> Files:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        single = len(self._model.inputs) == 1
        if kind != FORM and not (single and kind in RAW):
            raise RequestError(415, f"send {FORM}" + (" or a picture" if single else ""))
        body = await self._service.buffers.read(request.receive, request.headers.get("content-length"))
        try:
            if kind == FORM:
                return await read_form(request.headers, body, self._service.limits)
            return {self._model.inputs[0].name: [body]}
        finally:
            self._service.buffers.release(len(body))

    def _inputs(self, files: Files, resize: bool) -> tuple[dict[str, Tensor], list[str]]:
        """Decode the files; gives the inputs of the model and the names of the labels."""
        if self._model.verb == "few_shot":
            return self._examples(files, resize)
        names = [spec.name for spec in self._model.inputs]
        if {name: len(found) for name, found in files.items()} != dict.fromkeys(names, 1):
            raise RequestError(400, f"send one file each as {', '.join(names)}")
        return {name: self._read(files[name], resize) for name in names}, []

    def _examples(self, files: Files, resize: bool) -> tuple[dict[str, Tensor], list[str]]:
        labels = [name.removeprefix(SUPPORT) for name in files if name.startswith(SUPPORT)]
        unknown = [name for name in files if name != "query" and not name.startswith(SUPPORT)]
        if not labels or unknown or "query" not in files or any(not 0 < len(label) <= 64 for label in labels):
            raise RequestError(400, f"send files as query, and examples as {SUPPORT}<label> (at most 64 letters)")
        support = [data for label in labels for data in files[SUPPORT + label]]
        numbers = [number for number, label in enumerate(labels) for _ in files[SUPPORT + label]]
        return {
            "support": self._read(support, resize),
            "support_label": np.array(numbers, np.int64),
            "query": self._read(files["query"], resize),
        }, labels

    def _read(self, files: list[bytes], resize: bool) -> Tensor:
        shape = _shape(self._model)
        return np.stack([read_picture(data, shape, self._service.limits, resize=resize) for data in files])

    def _query(self, request: Request) -> tuple[bool, dict[str, Parameter]]:
        """Read `?fit=resize` and, for interpolations, `?steps=5`."""
        given = dict(request.query_params)
        known = {"fit"} | ({"steps"} if self._model.verb == "interpolate" else set())
        steps = given.get("steps", "5")
        plain = len(steps) < 4 and steps.isascii() and steps.isdecimal()
        if not given.keys() <= known or given.get("fit", "none") not in ("none", "resize") or not plain:
            raise RequestError(400, f"the query may say fit=none or fit=resize{' and steps' if len(known) > 1 else ''}")
        return given.get("fit") == "resize", {"steps": int(steps)} if "steps" in given else {}

    def body(self) -> dict[str, Any]:
        """Describe the body."""
        file = {"type": "string", "format": "binary"}
        names = ["query"] if self._model.verb == "few_shot" else [spec.name for spec in self._model.inputs]
        schema: dict[str, Any] = {"type": "object", "required": names, "properties": dict.fromkeys(names, file)}
        if self._model.verb == "few_shot":
            schema |= {"patternProperties": {r"^support\.": file}, "description": "Examples are fields support.<label>"}
        content: dict[str, Any] = {FORM: {"schema": schema}}
        if len(self._model.inputs) == 1:
            content |= {kind: {"schema": file} for kind in ("image/png", "image/jpeg")}
        return {"required": True, "content": content}

    def parameters(self) -> list[dict[str, Any]]:
        """Describe the query."""
        found = [{"name": "fit", "in": "query", "schema": {"type": "string", "enum": ["none", "resize"]}}]
        if self._model.verb == "interpolate":
            range_ = {"type": "integer", "minimum": 2, "maximum": self._service.limits.steps}
            found.append({"name": "steps", "in": "query", "schema": range_})
        return found


def _shape(model: Model) -> tuple[int, ...]:
    """Give `(C, H, W)` of the images a verb takes."""
    return model.inputs[0].shape[1:]


def _grid(images: Tensor) -> Tensor:
    """Lay images `(B, C, H, W)` in a row, and those of an interpolation as they are laid."""
    return images[np.newaxis] if images.ndim == 4 else images[:, :, 0]


def _episodes(found: Mapping[str, Tensor], labels: list[str]) -> list[dict[str, Any]]:
    """Write the answers of few_shot, one for each query, with the labels' names."""
    return [
        {"label": labels[int(label)], "scores": dict(zip(labels, row.tolist(), strict=True))}
        for label, row in zip(found["label"], found["scores"], strict=True)
    ]
