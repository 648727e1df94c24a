"""Loading plug-ins one at a time, so that a broken one costs only itself."""

import contextlib
import os
import sys
import time
import traceback
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from unbraid.registry.errors import PluginLoadError
from unbraid.registry.markers import PROJECT
from unbraid.registry.metadata import InstalledPlugin, installed_plugins

#: Where set to 1, the first plug-in that fails raises instead of being left out; for plug-in authors.
STRICT_VARIABLE = "UNBRAID_STRICT_PLUGINS"

#: What a manifest must not import: each of these costs seconds in every command.
HEAVY = ("torch", "timm", "diffusers", "onnxruntime")

Stage = Literal["import", "register", "declare"]


class PluginLoadWarning(UserWarning):
    """A plug-in failed and was left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A plug-in that was imported: its manifest and where it comes from."""

    name: str
    #: The module, or any object with hook implementations.
    module: object
    distribution: str = "local"
    version: str = ""
    #: How long the import took.
    seconds: float = 0.0
    #: Those of `HEAVY` that were imported along with it.
    heavy: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A name no other plug-in has: two distributions may both have an entry point `twin`."""
        return f"{self.distribution}:{self.name}"

    @property
    def label(self) -> str:
        """How messages name the plug-in."""
        return label(self.name, self.distribution, self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFailure:
    """A plug-in that could not be used, and why."""

    name: str
    distribution: str
    version: str
    #: What it was doing: being imported, being registered, or declaring its specs.
    stage: Stage
    error: BaseException
    traceback: str
    #: Names it declared before it failed, besides its own.
    provides: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """How messages name the plug-in."""
        return label(self.name, self.distribution, self.version)

    @property
    def message(self) -> str:
        """One line: the plug-in, the stage and the error."""
        what = {"import": "was imported", "register": "was registered", "declare": "declared what it provides"}
        cause = " ".join(f"{type(self.error).__name__}: {self.error}".split())
        return f"plug-in {self.label} failed to load while it {what[self.stage]}: {cause}"

    def warn(self) -> None:
        """Say once that the plug-in is left out."""
        hint = f"everything else works; {STRICT_VARIABLE}=1 shows the traceback"
        warnings.warn(f"{self.message} ({hint})", PluginLoadWarning, stacklevel=2)


def label(name: str, distribution: str, version: str) -> str:
    """Name a plug-in with its distribution and version.

    Args:
        name: Its entry point.
        distribution: Who brings it.
        version: Version of the distribution, possibly empty.

    Returns:
        The text used in every message.

    >>> label("fden", "unbraid", "0.1.0")
    "'fden' (unbraid 0.1.0)"
    """
    return f"{name!r} ({' '.join(part for part in (distribution, version) if part)})"


def strict() -> bool:
    """Tell whether a failing plug-in should raise.

    Returns:
        True where the user asked for it.
    """
    return os.environ.get(STRICT_VARIABLE, "").strip().lower() not in ("", "0", "false", "no")


def failure(manifest: Manifest, stage: Stage, error: BaseException, provides: Iterable[str] = ()) -> LoadFailure:
    """Record a failure, or raise it where the user asked for strictness.

    Args:
        manifest: The plug-in that failed.
        stage: What it was doing.
        error: What it raised.
        provides: Names it declared before.

    Returns:
        The record.

    Raises:
        Exception: The error itself, in strict mode.
        PluginLoadError: In strict mode, where the plug-in tried to end the process.
    """
    failed = LoadFailure(
        name=manifest.name,
        distribution=manifest.distribution,
        version=manifest.version,
        stage=stage,
        error=error,
        traceback="".join(traceback.format_exception(error)),
        provides=tuple(provides),
    )
    if strict():
        raise error if isinstance(error, Exception) else PluginLoadError(failed.message) from error
    return failed


def load_manifests() -> tuple[list[Manifest], list[LoadFailure]]:
    """Import the manifest of every enabled plug-in, in sorted order.

    Returns:
        The manifests that were imported and the failures of the others.
    """
    manifests: list[Manifest] = []
    failures: list[LoadFailure] = []
    for plugin in installed_plugins():
        if plugin.entry_point is None or plugin.state != "enabled":
            continue
        outcome = _load(plugin)
        if isinstance(outcome, Manifest):
            manifests.append(outcome)
        else:
            failures.append(outcome)
    return manifests, failures


def _load(plugin: InstalledPlugin) -> Manifest | LoadFailure:
    assert plugin.entry_point is not None
    before = {name for name in HEAVY if name in sys.modules}
    start = time.perf_counter()
    module: object = None
    error: BaseException | None = None
    try:
        with quiet():
            module = plugin.entry_point.load()
    except (Exception, SystemExit) as raised:  # noqa: BLE001 - whatever a manifest raises costs only that plug-in
        error = raised
    manifest = Manifest(
        name=plugin.name,
        module=module,
        distribution=plugin.distribution,
        version=plugin.version,
        seconds=time.perf_counter() - start,
        heavy=tuple(name for name in HEAVY if name in sys.modules and name not in before),
    )
    return manifest if error is None else failure(manifest, "import", error)


def quiet() -> contextlib.AbstractContextManager[object]:
    """Send what a manifest prints to stderr, so that it cannot damage `--json` output.

    Returns:
        A context manager.
    """
    return contextlib.redirect_stdout(sys.stderr)


def as_manifest(plugin: object) -> Manifest:
    """Take a plug-in that was handed over rather than found.

    Args:
        plugin: A `Manifest`, a manifest module, or any object with hook implementations.

    Returns:
        The manifest; what is not a `Manifest` belongs to the distribution `local`, or to `unbraid` if it is a built-in.
    """
    if isinstance(plugin, Manifest):
        return plugin
    path = str(getattr(plugin, "__name__", type(plugin).__name__))
    built_in = path.startswith((f"{PROJECT}.plugins.", f"{PROJECT}.adapters."))
    name = path.removesuffix(".manifest").rpartition(".")[2]
    return Manifest(name=name, module=plugin, distribution=PROJECT if built_in else "local")
