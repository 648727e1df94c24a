"""The same server as an application of Ray Serve, on one machine or a cluster."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unbraid.core.errors import ConfigError, MissingDependencyError
from unbraid.core.server.app import create_app
from unbraid.core.server.bearer import Token
from unbraid.core.server.guard import Guard
from unbraid.core.server.pages import page_routes
from unbraid.core.server.run import ServerConfig, open_service

#: Where each replica reads the token: a secret has no place in a configuration that Ray keeps and shows.
TOKEN = "UNBRAID_TOKEN"


def application(settings: Mapping[str, Any]) -> Any:
    """Build the Ray application: `serve run unbraid.core.server.ray_serve:application letters=bundles/letters`.

    Replicas, their resources and autoscaling are Ray's own settings of the deployment `unbraid`. Every replica opens the
    bundles itself, so their folders must be at the same place on every node. Clients show the token in `UNBRAID_TOKEN`;
    without one, `insecure=1` says that whoever reaches Ray's proxy may ask.

    Args:
        settings: name -> folder of each bundle; besides `workers` (graphs a replica runs at once) and `insecure`.

    Returns:
        A `ray.serve.Application`.

    Raises:
        ConfigError: no bundle, or neither a token nor `insecure`.
        MissingDependencyError: Ray Serve is not installed.
    """
    own = {"workers", "insecure"}
    bundles = {name: Path(folder).resolve() for name, folder in settings.items() if name not in own}
    if not bundles:
        raise ConfigError("nothing to serve", expected="NAME=FOLDER", found=", ".join(settings) or "nothing")
    insecure = str(settings.get("insecure", "")).lower() in ("1", "true", "yes")
    workers = int(settings.get("workers", 1))
    _config(bundles, workers, insecure)  # refused here rather than in every replica
    try:
        from ray import serve  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise MissingDependencyError("Ray Serve is not installed", hint="pip install 'unbraid[ray]'") from error

    def replica() -> Guard:
        config = _config(bundles, workers, insecure)
        service = open_service(config)
        return create_app(service, token=config.token, local=False, pages=page_routes(service))

    return serve.deployment(serve.ingress(replica)(), name="unbraid").bind()


def _config(bundles: Mapping[str, Path], workers: int, insecure: bool) -> ServerConfig:
    secret = os.environ.get(TOKEN)
    token = Token(secret) if secret else None
    # Ray's proxy listens, not this process; to whom it does is what the address would say.
    return ServerConfig(bundles=bundles, host="0.0.0.0", token=token, workers=workers, insecure=insecure)
