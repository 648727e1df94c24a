"""The application: all routes behind the guard."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from unbraid.core.errors import RequestError, ServerError
from unbraid.core.server.bearer import Token
from unbraid.core.server.guard import ID, Guard
from unbraid.core.server.logs import Log
from unbraid.core.server.operations import operation_routes
from unbraid.core.server.picture_routes import picture_routes
from unbraid.core.server.protocol_routes import protocol_routes
from unbraid.core.server.replies import problem
from unbraid.core.server.service import Service

_TEXTS = {404: "there is nothing at this path", 405: "not with this method"}


def create_app(
    service: Service,
    *,
    log: Log | None = None,
    token: Token | None = None,
    local: bool = True,
    pages: Sequence[APIRouter] = (),
) -> Guard:
    """Put an ASGI application together; any ASGI server can run it.

    Args:
        service: what is served.
        log: where requests are written.
        token: that clients must show; None asks for none.
        local: answer to the name localhost only (where there is no token).
        pages: more routes, for people.
    """
    app = FastAPI(title="Unbraid", version=service.metadata()["version"], docs_url=None, redoc_url=None)
    app.router.redirect_slashes = False
    for router in (protocol_routes(service), picture_routes(service), operation_routes(service), *pages):
        app.include_router(router)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _failed)
    return Guard(app, service, log or Log(), token, local=local and token is None)


async def _refused(request: Request, error: Exception) -> Response:
    """Answer what no route takes."""
    assert isinstance(error, HTTPException)
    answer = problem(RequestError(error.status_code, _TEXTS.get(error.status_code, "refused")))
    answer.headers.update(error.headers or {})
    return answer


async def _failed(request: Request, error: Exception) -> Response:
    """Answer after a fault nobody foresaw; the guard logs it."""
    return problem(ServerError(500, f"the server failed; its log says more under {request.scope[ID]}"))
