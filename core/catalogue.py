"""Backbones, data sets and method settings by name."""

from collections.abc import Mapping
from typing import Any, TypeVar

from unbraid.core.config import build_config, check_keys
from unbraid.core.errors import PluginError
from unbraid.core.interfaces import Backbone, Dataset
from unbraid.registry import Entry, Spec, get_registry, import_target

T = TypeVar("T")


def load_backbone(name: str, **settings: Any) -> Backbone:
    """Get a frozen backbone from the adapter of that name.

    Args:
        name: as `unbraid list backbones` shows it.
        **settings: of the adapter; a config dataclass checks them.

    Returns:
        The backbone.

    Raises:
        UnknownNameError: no adapter has that name.
        ConfigError: a setting is unknown or of the wrong type.
        ArtefactError: the weights cannot be used.
    """
    entry = get_registry().resolve("backbone", name)
    backbone = import_target(entry)(config_for(entry, settings))
    return _checked(entry, backbone, Backbone)


def load_dataset(name: str, **settings: Any) -> Dataset:
    """Get a data set from the adapter of that name.

    Args:
        name: as `unbraid list datasets` shows it.
        **settings: of the adapter; a config dataclass checks them.

    Returns:
        The data set, with its splits.

    Raises:
        UnknownNameError: no adapter has that name.
        ConfigError: a setting is unknown or of the wrong type.
        DataError: the data cannot be used.

    >>> load_dataset("glyphs").image_spec.shape
    (1, 28, 28)
    """
    entry = get_registry().resolve("dataset", name)
    dataset = import_target(entry)(config_for(entry, settings))
    return _checked(entry, dataset, Dataset)


def method_config(name: str, preset: str | None = None, settings: Mapping[str, Any] | None = None) -> Any:
    """Make the config of a method: its defaults, then a preset, then settings.

    Raises:
        UnknownNameError: no method has that name.
        ConfigError: the preset or a setting is unknown, or a value of the wrong type.
    """
    entry = get_registry().resolve("method", name)
    chosen: Mapping[str, Any] = {}
    if preset is not None:
        check_keys([preset], entry.spec.presets, where=f"method {name}", what="preset")
        chosen = entry.spec.presets[preset]
    return config_for(entry, {**chosen, **(settings or {})})


def config_for(entry: Entry[Any], settings: Mapping[str, Any]) -> Any:
    """Make the config a plug-in declares from settings; None where it has nothing to set.

    Raises:
        ConfigError: a setting is unknown or of the wrong type.
    """
    spec: Spec = entry.spec
    where = f"{spec.kind} {spec.name}"
    if spec.config is None:
        check_keys(settings, (), where=where)
        return None
    return build_config(import_target(entry, spec.config), settings, where=where)


def _checked(entry: Entry[Any], made: object, kind: type[T]) -> T:
    if not isinstance(made, kind):
        raise PluginError(
            f"plug-in {entry.label} gave no {entry.spec.kind} for {entry.name!r}",
            expected=f"a {kind.__name__}",
            found=type(made).__name__,
            hint="report it to the authors of the plug-in",
        )
    return made
