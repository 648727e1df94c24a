"""Pages for people, beside the routes for programs."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from unbraid.core.server.routing import plain_router
from unbraid.core.server.service import Service
from unbraid.core.web.assets import wants_page
from unbraid.core.web.routes import index_reply, web_routes


def page_routes(service: Service) -> Sequence[APIRouter]:
    """Make the routers of the pages; whatever else people shall see at this server is added here."""
    router = plain_router("Pages")
    lines = ["Unbraid", "", "POST /v2/models/NAME/infer takes tensors, POST /pictures/NAME pictures.", ""]
    lines += [f"{model.name:<24} {model.summary}" for model in service.models.values()]
    text = "\n".join([*lines, "", "/openapi.json describes all of it.", ""])

    async def home(request: Request) -> Response:
        """Show the page to a browser, and say to programs what is served."""
        if wants_page(",".join(request.headers.getlist("accept"))):  # all of them, as the guard does
            return index_reply()
        return Response(text, media_type="text/plain", headers={"vary": "accept"})

    router.add_api_route("/", home, methods=["GET"], include_in_schema=False)
    return [router, web_routes(service)]
