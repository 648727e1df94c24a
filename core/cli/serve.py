"""`unbraid serve`: bundles over HTTP."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from unbraid.core.server.bearer import Token
    from unbraid.core.server.limits import Limits


@click.command("serve")
@click.argument("bundles", nargs=-1, required=True, metavar="[NAME=]BUNDLE...")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--grpc-port", type=click.IntRange(0, 65535), help="Serve gRPC too (extra `grpc`).")
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Bearer token.")
@click.option("--insecure", is_flag=True, help="Listen to the network without a token.")
@click.option("--workers", type=click.IntRange(1), help="Graphs that run at once; by default one for each core.")
@click.option("--provider", "providers", multiple=True, help="Execution provider of onnxruntime; again for the next.")
@click.option("--limit", "limits", multiple=True, metavar="NAME=NUMBER", help="Change a limit on clients.")
@click.option("--request-log/--no-request-log", default=True, show_default=True, help="Log every request.")
def command(
    bundles: tuple[str, ...], token_file: Path | None, workers: int | None, limits: tuple[str, ...], **options: Any
) -> None:
    """Serve bundles by the Open Inference Protocol v2, on this machine only unless told otherwise.

    BUNDLE is a folder `unbraid export` wrote. With several, their names stand before those of their models; NAME=
    gives another than the folder's. A token may also come from the environment: UNBRAID_TOKEN.
    """
    from unbraid.core.errors import MissingDependencyError

    try:
        from unbraid.core.server.run import ServerConfig, serve
    except ModuleNotFoundError as error:
        problem, hint = f"serving needs {error.name}, which is not installed", "pip install 'unbraid[serve]'"
        raise MissingDependencyError(problem, hint=hint) from error

    if not options["providers"]:
        del options["providers"]  # the default is the CPU
    options["log_requests"] = options.pop("request_log")
    serve(
        ServerConfig(
            bundles=_named(bundles),
            token=_token(token_file),
            workers=workers or _cores(),
            limits=_limits(limits),
            **options,
        )
    )


def _named(bundles: Sequence[str]) -> dict[str, Path]:
    from unbraid.core.errors import ConfigError

    named: dict[str, Path] = {}
    for text in bundles:
        name, _, folder = text.partition("=") if "=" in text and not Path(text).exists() else ("", "", text)
        name = name or Path(folder).resolve().name.lower()
        if name in named:
            raise ConfigError("two bundles of one name", expected="NAME=FOLDER", found=f"{name!r} twice")
        named[name] = Path(folder)
    return named


def _token(file: Path | None) -> "Token | None":
    from unbraid.core.server.bearer import Token

    secret = file.read_text(encoding="utf-8").strip() if file else os.environ.get("UNBRAID_TOKEN")
    return None if secret is None else Token(secret)


def _limits(assignments: Sequence[str]) -> "Limits":
    from unbraid.core.errors import ConfigError, UnknownNameError
    from unbraid.core.server.limits import Limits

    known = {name: type(getattr(Limits(), name)) for name in Limits.__slots__}
    given: dict[str, Any] = {}
    for assignment in assignments:
        name, _, number = assignment.partition("=")
        if name not in known:
            raise UnknownNameError("limit", name, known)
        try:
            given[name] = float(number) if name.endswith("_seconds") else int(number)
        except ValueError:
            raise ConfigError(f"limit {name} is malformed", expected="a number", found=repr(number)) from None
    return Limits(**given)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
