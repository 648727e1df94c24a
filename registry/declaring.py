"""Asking one plug-in for its specs."""

from collections.abc import Iterable, Mapping

from unbraid.registry.entries import Entry
from unbraid.registry.errors import PluginApiError, PluginError
from unbraid.registry.loading import Manifest
from unbraid.registry.manager import Manager
from unbraid.registry.specs import (
    PLUGIN_API,
    BackboneSpec,
    DatasetSpec,
    DisentanglerSpec,
    MetricSpec,
    Spec,
    TrackerSpec,
)

#: What each collecting hook returns.
HOOKS: Mapping[str, type[Spec]] = {
    "unbraid_disentanglers": DisentanglerSpec,
    "unbraid_backbones": BackboneSpec,
    "unbraid_datasets": DatasetSpec,
    "unbraid_metrics": MetricSpec,
    "unbraid_trackers": TrackerSpec,
}


def declared(manager: Manager, manifest: Manifest, names: list[str]) -> list[Entry[Spec]]:
    """Call every collecting hook of one plug-in.

    Args:
        manager: Where the plug-in is registered.
        manifest: The plug-in.
        names: Receives each name as it is declared, so that a failure later on can say what is lost.

    Returns:
        One entry per spec.

    Raises:
        PluginError: A hook returns something other than specs of its kind.
        PluginApiError: A spec was written for a newer contract.
    """
    specs: list[Spec] = []
    for hook, kind in HOOKS.items():
        for implementation in manager.implementations(hook, plugin=manifest.key):
            for spec in _checked(hook, kind, implementation.call()):
                specs.append(spec)
                names.append(spec.name)
    for spec in specs:
        _check_api(spec)
    return [Entry(spec, manifest.name, manifest.distribution, manifest.version) for spec in specs]


def _checked(hook: str, kind: type[Spec], returned: object) -> Iterable[Spec]:
    if not isinstance(returned, Iterable):
        raise PluginError(
            f"{hook} returned no iterable", expected=f"an iterable of {kind.__name__}", found=type(returned).__name__
        )
    for spec in returned:
        if not isinstance(spec, kind):
            raise PluginError(
                f"{hook} returned something else than specs", expected=kind.__name__, found=type(spec).__name__
            )
        yield spec


def _check_api(spec: Spec) -> None:
    if spec.api > PLUGIN_API:
        raise PluginApiError(
            f"{spec.kind} {spec.name!r} was written for a newer plug-in contract",
            expected=f"plug-in API {PLUGIN_API}",
            found=f"plug-in API {spec.api}",
            hint="upgrade unbraid, or install an older version of the plug-in",
        )
