"""Pages for people, beside the routes for programs."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from unbraid.core.server.routing import plain_router
from unbraid.core.server.service import Service


def page_routes(service: Service) -> Sequence[APIRouter]:
    """Make the routers of the pages; whatever else people shall see at this server is added here."""
    router = plain_router("Pages")
    lines = ["Unbraid", "", "POST /v2/models/NAME/infer takes tensors, POST /pictures/NAME pictures.", ""]
    lines += [f"{model.name:<24} {model.summary}" for model in service.models.values()]
    text = "\n".join([*lines, "", "/openapi.json describes all of it.", ""])

    async def home(request: Request) -> Response:
        """Say what is served."""
        return Response(text, media_type="text/plain")

    router.add_api_route("/", home, methods=["GET"], include_in_schema=False)
    return [router]
