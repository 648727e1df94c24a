"""The protocol over gRPC, on the classes that `tritonclient` ships; the same models, limits and checks as over HTTP."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from tritonclient.grpc.service_pb2_grpc import add_GRPCInferenceServiceServicer_to_server

from unbraid.core.errors import ConfigError, RequestError, ServerError
from unbraid.core.server.bearer import Token
from unbraid.core.server.logs import Log
from unbraid.core.server.metrics import OTHER
from unbraid.core.server.rpc_calls import Calls
from unbraid.core.server.service import Service

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
