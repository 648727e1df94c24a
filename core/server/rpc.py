"""The protocol over gRPC, on the classes that `tritonclient` ships; the same models, limits and checks as over HTTP."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
from tritonclient.grpc import service_pb2
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceServicer, add_GRPCInferenceServiceServicer_to_server

from unbraid.core.errors import ConfigError, RequestError, ServerError
from unbraid.core.server.bearer import Token
from unbraid.core.server.inference import Inference, check_id, check_parameters, wanted_outputs
from unbraid.core.server.limits import Limits
from unbraid.core.server.logs import Log
from unbraid.core.server.metrics import OTHER
from unbraid.core.server.models import VERSION, Model, Parameter
from unbraid.core.server.service import Service
from unbraid.core.server.tensors import (
    Tensor,
    TensorSpec,
    check_datatype,
    check_shape,
    from_bytes,
    from_numbers,
)

pb: Any = service_pb2  # its classes come to be when it is imported; no checker sees them

_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    501: grpc.StatusCode.UNIMPLEMENTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
#: Calls that need no token, as over HTTP.
_OPEN = ("/ServerLive", "/ServerReady")
#: Typed contents of the protocol by datatype; all other kinds must be empty.
_CONTENTS = {"FP32": "fp32_contents", "INT64": "int64_contents"}


async def start_rpc(service: Service, host: str, port: int, *, token: Token | None, log: Log) -> tuple[Any, int]:
    """Listen; gives the server of grpc.aio and its port.

    Raises:
        ConfigError: the address is taken.
    """
    limits = service.limits
    server = grpc.aio.server(
        interceptors=[Watch(service, log, token)],
        maximum_concurrent_rpcs=2 * limits.requests,
        options=[
            ("grpc.max_receive_message_length", limits.body_bytes),
            ("grpc.max_metadata_size", limits.header_bytes),
            ("grpc.so_reuseport", 0),
            ("grpc.max_connection_idle_ms", 10_000 * int(limits.idle_seconds)),
        ],
    )
    add_GRPCInferenceServiceServicer_to_server(Calls(service), server)
    try:
        bound = server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError as error:
        raise ConfigError(f"cannot listen at {host} port {port}", hint="--grpc-port 0 takes a free one") from error
    await server.start()
    return server, bound


class Watch(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """What every call passes: token, log, metrics, and errors made statuses."""

    def __init__(self, service: Service, log: Log, token: Token | None) -> None:
        self._service = service
        self._log = log
        self._token = token

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """Wrap the handler of a call."""
        details = handler_call_details
        handler = await continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler  # unknown calls and streams are refused by grpc and by `Calls`
        shown = [value for key, value in details.invocation_metadata if key == "authorization"]
        allowed = self._token is None or details.method.endswith(_OPEN) or self._admits(shown)

        async def call(request: Any, context: Any) -> Any:
            return await self._answer(handler.unary_unary, request, context, details.method, allowed)

        return grpc.unary_unary_rpc_method_handler(
            call, request_deserializer=handler.request_deserializer, response_serializer=handler.response_serializer
        )

    def _admits(self, shown: list[str | bytes]) -> bool:
        given = shown[0].encode() if len(shown) == 1 and isinstance(shown[0], str) else None
        return self._token is not None and self._token.admits(given)

    async def _answer(self, inner: Any, request: Any, context: Any, method: str, allowed: bool) -> Any:
        begun, request_id, status = time.perf_counter(), secrets.token_hex(8), 200
        try:
            if not allowed:
                raise RequestError(401, "a bearer token is needed")
            return await inner(request, context)
        except (RequestError, ServerError) as error:
            status, text = error.status, error.problem
        except asyncio.CancelledError:
            status = 499
            raise
        except NotImplementedError:
            status, text = 501, "this server does not offer it"
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an id and the log the rest
            self._log.failure(error, id=request_id)
            status, text = 500, f"the server failed; its log says more under {request_id}"
        finally:
            self._finish(request, method, status, request_id, time.perf_counter() - begun)
        await context.abort(_CODES[status], text)

    def _finish(self, request: Any, method: str, status: int, request_id: str, seconds: float) -> None:
        name = getattr(request, "model_name", OTHER)
        model = name if name in self._service.models else OTHER
        self._service.metrics.request(model, status, seconds)
        if self._log.requests or status >= 500:
            path, ms = method[:200], round(1e3 * seconds, 3)
            self._log.event("request", id=request_id, method="gRPC", path=path, model=model, status=status, ms=ms)


class Calls(GRPCInferenceServiceServicer):  # type: ignore[misc]
    """The calls of the protocol. All others of Triton's service (load, unload, shared memory, streams) say they are not
    implemented."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def ServerLive(self, request: Any, context: Any) -> Any:
        """Say that the process is there."""
        return pb.ServerLiveResponse(live=True)

    async def ServerReady(self, request: Any, context: Any) -> Any:
        """Say whether requests are taken."""
        return pb.ServerReadyResponse(ready=not self._service.stopping)

    async def ServerMetadata(self, request: Any, context: Any) -> Any:
        """Describe the server."""
        return pb.ServerMetadataResponse(**self._service.metadata())

    async def ModelReady(self, request: Any, context: Any) -> Any:
        """Say that a model is ready; one that is there always is."""
        ready = request.name in self._service.models and request.version in ("", VERSION)
        return pb.ModelReadyResponse(ready=ready)

    async def ModelMetadata(self, request: Any, context: Any) -> Any:
        """Describe a model."""
        found = self._service.model(request.name, request.version or VERSION).metadata()
        tensors = {
            side: [pb.ModelMetadataResponse.TensorMetadata(**tensor) for tensor in found[side]]
            for side in ("inputs", "outputs")
        }
        return pb.ModelMetadataResponse(**(found | tensors))

    async def RepositoryIndex(self, request: Any, context: Any) -> Any:
        """List the models."""
        kind = pb.RepositoryIndexResponse.ModelIndex
        return pb.RepositoryIndexResponse(
            models=[kind(name=name, version=VERSION, state="READY") for name in self._service.models]
        )

    async def ModelInfer(self, request: Any, context: Any) -> Any:
        """Run a model."""
        model = self._service.model(request.model_name, request.model_version or VERSION)
        with self._service.admit():
            asked = read_message(model, request, self._service.limits)
            found = await self._service.infer(model, asked)
        return write_message(model, asked, found)


def read_message(model: Model, request: Any, limits: Limits) -> Inference:
    """Read a request.

    Raises:
        RequestError: it is malformed, does not fit the model, or goes beyond the limits.
    """
    raw = request.raw_input_contents
    if len(request.inputs) > 256 or (raw and len(raw) != len(request.inputs)):
        raise RequestError(400, "raw_input_contents must hold every input, or none")
    inputs: dict[str, Tensor] = {}
    for number, entry in enumerate(request.inputs):
        spec = model.input(entry.name)
        if spec.name in inputs:
            raise RequestError(400, f"input {spec.name!r} is given twice")
        _parameters(entry.parameters)
        check_datatype(spec, entry.datatype)
        shape = check_shape(spec, list(entry.shape), limits)
        inputs[spec.name] = _tensor(spec, shape, entry, raw[number] if raw else None)
    asked = [(model.output(output.name), True) for output in request.outputs]
    for output in request.outputs:
        _parameters(output.parameters)
    identity, parameters = check_id(request.id, limits), _parameters(request.parameters)
    return Inference(identity, model.complete(inputs), parameters, wanted_outputs(model, asked, binary=True))


def write_message(model: Model, asked: Inference, found: Mapping[str, Tensor]) -> Any:
    """Write an answer, its tensors as bytes."""
    outputs, raw = [], []
    for name in asked.outputs:
        spec = model.output(name)
        array = found[name].astype(spec.dtype, order="C", copy=False)
        outputs.append(
            pb.ModelInferResponse.InferOutputTensor(name=name, datatype=spec.datatype, shape=list(array.shape))
        )
        raw.append(array.tobytes())
    return pb.ModelInferResponse(
        model_name=model.name, model_version=VERSION, id=asked.id, outputs=outputs, raw_output_contents=raw
    )


def _tensor(spec: TensorSpec, shape: tuple[int, ...], entry: Any, raw: bytes | None) -> Tensor:
    kinds = [field.name for field, _ in entry.contents.ListFields()]
    if raw is not None:
        if kinds:
            raise RequestError(400, "an input has contents or raw_input_contents, not both")
        return from_bytes(spec, shape, memoryview(raw))
    if kinds != [_CONTENTS[spec.datatype]]:
        raise RequestError(400, f"input {spec.name!r} must come as {_CONTENTS[spec.datatype]} or raw_input_contents")
    numbers = getattr(entry.contents, kinds[0])
    return from_numbers(spec, shape, list(numbers))


def _parameters(given: Mapping[str, Any]) -> dict[str, Parameter]:
    """Read parameters; one without a value is refused with those that are no scalars."""
    chosen = {name: (value, value.WhichOneof("parameter_choice")) for name, value in given.items()}
    return check_parameters({name: getattr(value, kind) if kind else None for name, (value, kind) in chosen.items()})
