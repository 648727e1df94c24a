"""The process: bind, open the bundles, serve until a signal, finish what was begun."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from unbraid.core.errors import ConfigError, MissingDependencyError
from unbraid.core.server.app import create_app
from unbraid.core.server.bearer import Token
from unbraid.core.server.connection import Connection
from unbraid.core.server.limits import Limits
from unbraid.core.server.logs import Log, Warnings
from unbraid.core.server.pages import page_routes
from unbraid.core.server.service import Service
from unbraid.core.serving import load_bundle
from unbraid.core.serving.session import CPU


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """How to serve.

    Args:
        bundles: name -> folder.
        host: address to listen at.
        port: 0 takes a free one.
        grpc_port: for gRPC too; None leaves it out, 0 takes a free one.
        token: clients must show; needed at any address but this machine's own, unless `insecure`.
        insecure: listen to the network without a token.
        workers: graphs that run at once, one thread each.
        providers: execution providers of onnxruntime, best first.
        limits: on clients.
        log_requests: one line for each.

    Raises:
        ConfigError: an address of the network without a token, or no workers.
    """

    bundles: Mapping[str, Path]
    host: str = "127.0.0.1"
    port: int = 8000
    grpc_port: int | None = None
    token: Token | None = None
    insecure: bool = False
    workers: int = 2
    providers: tuple[str, ...] = CPU
    limits: Limits = field(default_factory=Limits)
    log_requests: bool = True

    def __post_init__(self) -> None:
        """Refuse to listen to strangers without a token."""
        if self.workers < 1:
            raise ConfigError("no thread to run graphs on", expected="workers >= 1", found=self.workers)
        if not (self.loopback or self.token or self.insecure):
            raise ConfigError(
                f"{self.host} can be reached from other machines",
                expected="a token that clients must show",
                found="none",
                hint="set UNBRAID_TOKEN or --token-file; --insecure serves whoever asks",
            )

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def serve(config: ServerConfig) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in flight.

    Raises:
        ConfigError: settings that cannot be, or an address that is taken.
        ArtefactError: a bundle cannot be used.
    """
    log = Log(requests=config.log_requests)
    logging.getLogger().addHandler(Warnings(log))
    with _bound(config.host, config.port) as listener:
        service = open_service(config)
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(_serve(config, service, log, listener))
        finally:
            service.engine.close()


def open_service(config: ServerConfig) -> Service:
    """Load the bundles, open every graph, and check that this machine gives the numbers of the export.

    Raises:
        ArtefactError: a bundle cannot be used.
        ParityError: a graph gives other numbers here.
    """
    bundles = {name: load_bundle(path, providers=config.providers).open() for name, path in config.bundles.items()}
    for bundle in bundles.values():
        bundle.verify()
    return Service(bundles, workers=config.workers, limits=config.limits)


async def _serve(config: ServerConfig, service: Service, log: Log, listener: socket.socket) -> None:
    limits = config.limits
    local = config.loopback and not config.insecure
    app = create_app(service, log=log, token=config.token, local=local, pages=page_routes(service))
    server = _Server(
        uvicorn.Config(
            app,
            http=Connection.limited(limits),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=limits.idle_seconds,  # type: ignore[arg-type]
            timeout_graceful_shutdown=int(limits.body_seconds + limits.request_seconds) + 1,
        )
    )
    server.stop_at_signals(service, log)
    host, port = listener.getsockname()[:2]
    async with _rpc(config, service, log) as more:
        log.event("listening", url=f"http://{host}:{port}", models=list(service.models), **more)
        await server.serve(sockets=[listener])
    log.event("stopped")


@contextlib.asynccontextmanager
async def _rpc(config: ServerConfig, service: Service, log: Log) -> AsyncIterator[dict[str, str]]:
    """Serve gRPC too, where it is asked for; gives what to say of it."""
    if config.grpc_port is None:
        yield {}
        return
    try:
        from unbraid.core.server.rpc import start_rpc
    except ModuleNotFoundError as error:
        problem, hint = f"gRPC needs {error.name}, which is not installed", "pip install 'unbraid[grpc]'"
        raise MissingDependencyError(problem, hint=hint) from error
    server, port = await start_rpc(service, config.host, config.grpc_port, token=config.token, log=log)
    try:
        yield {"grpc": f"{config.host}:{port}"}
    finally:
        await server.stop(config.limits.request_seconds)


class _Server(uvicorn.Server):
    """Stops at a signal and returns; uvicorn's own would send itself the signal again before anything is tidied up."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `stop_at_signals`."""
        yield

    def stop_at_signals(self, service: Service, log: Log) -> None:
        """Stop at SIGTERM and SIGINT; a second SIGINT does not wait for the requests in flight."""

        def stop(number: signal.Signals) -> None:
            log.event("stopping", signal=number.name)
            service.stopping = True
            self.handle_exit(number, None)

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop, number)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Give uvloop's loop where there is one (not on Windows): it takes half the time of Python's."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ConfigError(
            f"cannot listen at {host} port {port}", found=error.strerror, hint="--port 0 takes a free one"
        ) from error
