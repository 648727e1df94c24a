"""Finding, loading and naming plug-ins; imports only the standard library and pluggy."""

from unbraid.registry.catalogue import Kind, Registry
from unbraid.registry.current import get_registry, use_registry
from unbraid.registry.entries import Entry
from unbraid.registry.errors import (
    MissingDependencyError,
    PluginApiError,
    PluginClashError,
    PluginError,
    PluginLoadError,
    UnbraidError,
    UnknownNameError,
)
from unbraid.registry.loading import LoadFailure, Manifest, PluginLoadWarning
from unbraid.registry.markers import hookimpl, hookspec
from unbraid.registry.metadata import InstalledPlugin, installed_plugins
from unbraid.registry.specs import (
    PLUGIN_API,
    BackboneSpec,
    DatasetSpec,
    DisentanglerSpec,
    MetricSpec,
    Spec,
    Supervision,
    TrackerSpec,
)
from unbraid.registry.targets import import_target, missing_requirements

__all__ = [
    "PLUGIN_API",
    "BackboneSpec",
    "DatasetSpec",
    "DisentanglerSpec",
    "Entry",
    "InstalledPlugin",
    "Kind",
    "LoadFailure",
    "Manifest",
    "MetricSpec",
    "MissingDependencyError",
    "PluginApiError",
    "PluginClashError",
    "PluginError",
    "PluginLoadError",
    "PluginLoadWarning",
    "Registry",
    "Spec",
    "Supervision",
    "TrackerSpec",
    "UnbraidError",
    "UnknownNameError",
    "get_registry",
    "hookimpl",
    "hookspec",
    "import_target",
    "installed_plugins",
    "missing_requirements",
    "use_registry",
]
