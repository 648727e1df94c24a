"""The page beside a server; needs the extra `serve`."""

from fastapi import APIRouter, Request, Response

from unbraid.core.artefacts.documents import dump_json
from unbraid.core.bundle import BUNDLE_FILE
from unbraid.core.server.routing import plain_router
from unbraid.core.server.service import Service
from unbraid.core.serving import Bundle
from unbraid.core.web.assets import INDEX, SAMPLES, SETTINGS, media_type, page_files

#: The page may not be framed by others; what else it may do, it says itself.
_HEADERS = {"content-security-policy": "frame-ancestors 'none'", "cache-control": "no-cache", "vary": "accept"}


def index_reply() -> Response:
    """Answer with the page itself."""
    return _reply(page_files()[INDEX], media_type(INDEX))


def web_routes(service: Service) -> APIRouter:
    """Make the routes of everything the page asks for but `/` and the graphs."""
    router = plain_router("Page")
    for name, data in page_files().items():
        _add(router, name, data, media_type(name))
    places = [
        {"name": name, "address": f"bundles/{name}/", "prefix": _prefix(service, name)} for name in service.bundles
    ]
    settings = dump_json({"engine": "server", "bundles": places}, name=SETTINGS)
    _add(router, SETTINGS, settings.encode(), "application/json")
    for name, bundle in service.bundles.items():
        _add_bundle(router, f"bundles/{name}", bundle)
    return router


def _add_bundle(router: APIRouter, path: str, bundle: Bundle) -> None:
    manifest = dump_json(bundle.manifest.to_json(), name=BUNDLE_FILE).encode()
    _add(router, f"{path}/{BUNDLE_FILE}", manifest, "application/json")
    _add(router, f"{path}/{SAMPLES}", (bundle.path / SAMPLES).read_bytes(), "application/octet-stream")


def _add(router: APIRouter, name: str, data: bytes, kind: str) -> None:
    async def send(request: Request) -> Response:
        return _reply(data, kind)

    router.add_api_route(f"/{name}", send, methods=["GET"], include_in_schema=False)


def _reply(data: bytes, kind: str) -> Response:
    return Response(data, media_type=kind, headers=_HEADERS)


def _prefix(service: Service, name: str) -> str:
    """Give what stands before the names of a bundle's graphs; `Service` says when."""
    return f"{name}-" if len(service.bundles) > 1 else ""
