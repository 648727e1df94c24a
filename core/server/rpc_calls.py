"""The calls of the protocol over gRPC."""

from typing import Any

from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceServicer

from unbraid.core.server.models import VERSION
from unbraid.core.server.rpc_messages import pb, read_message, write_message
from unbraid.core.server.service import Service


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
