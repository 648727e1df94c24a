"""Routes that FastAPI documents and otherwise leaves alone."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from unbraid.core.errors import RequestError, ServerError
from unbraid.core.server.replies import problem

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PlainRoute(APIRoute):
    """Calls its function with the request and sends what it returns.

    FastAPI would parse the body before anybody counted its bytes, and validate tensors number by number.
    """

    def get_route_handler(self) -> Handler:
        """Give the function itself, its errors made answers."""
        endpoint: Handler = self.endpoint

        async def handle(request: Request) -> Response:
            try:
                return await endpoint(request)
            except (RequestError, ServerError) as error:
                return problem(error)

        return handle


def plain_router(*tags: str) -> APIRouter:
    """Make a router of such routes, listed under the tags in the description of the API."""
    return APIRouter(route_class=PlainRoute, tags=list(tags))
