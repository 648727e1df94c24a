"""Routes for whoever runs the server."""

from fastapi import APIRouter, Request, Response

from unbraid.core.server import openapi
from unbraid.core.server.routing import plain_router
from unbraid.core.server.service import Service


def operation_routes(service: Service) -> APIRouter:
    """Make `/metrics`; it stands behind the token like all the rest."""
    router = plain_router("Operation")

    async def metrics(request: Request) -> Response:
        """Counts and times, for Prometheus."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    answers = openapi.responses(401, 405, 415, 421, kind="text/plain", schema={"type": "string"})
    router.add_api_route("/metrics", metrics, methods=["GET"], responses=answers)
    return router
