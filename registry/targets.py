"""Importing what a spec points at, on first use."""

import importlib
import importlib.util
from functools import reduce
from typing import Any

from unbraid.registry.entries import Entry
from unbraid.registry.errors import MissingDependencyError, PluginError, PluginLoadError, UnbraidError
from unbraid.registry.specs import Spec


def import_target(provider: Entry[Spec] | Spec, target: str = "") -> Any:
    """Import what a spec points at.

    Args:
        provider: An entry of the registry, whose plug-in messages then name, or a bare spec.
        target: Another dotted string of the same spec, such as `spec.config`. Default: `spec.target`. None is not
            accepted: a spec that declares no config would give its target instead.

    Returns:
        The class or function.

    Raises:
        MissingDependencyError: An optional package the spec requires is not installed.
        PluginError: None was given.
        PluginLoadError: The target does not exist or raised while it was imported.

    >>> from unbraid.registry import DatasetSpec
    >>> import_target(DatasetSpec(name="joined", target="posixpath:join", summary="not a data set"))("a", "b")
    'a/b'
    """
    spec = provider.spec if isinstance(provider, Entry) else provider
    who = f"{spec.kind} {spec.name!r}"
    if isinstance(provider, Entry):
        who += f" of plug-in {provider.label}"
    if target is None:
        raise PluginError(f"{who} declares no such target", expected="package.module:attribute", found="None")
    _check_requirements(spec, who)
    dotted = target or spec.target
    module, _, attribute = dotted.partition(":")
    try:
        return reduce(getattr, attribute.split("."), importlib.import_module(module))
    except UnbraidError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginLoadError(
            f"{who} cannot be used: {dotted} failed to load",
            expected=f"attribute {attribute} of module {module}",
            found=f"{type(error).__name__}: {error}",
            hint="report it to the authors of the plug-in, or reinstall it",
        ) from error


def missing_requirements(spec: Spec) -> tuple[str, ...]:
    """List the optional packages a spec requires that are not installed.

    Args:
        spec: The spec.

    Returns:
        Import names, in the order in which the spec gives them.
    """
    return tuple(name for name in spec.requires if not _importable(name))


def _importable(name: str) -> bool:
    # Only the top-level package is looked up: finding a sub-module would import its parents.
    try:
        return importlib.util.find_spec(name.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


def _check_requirements(spec: Spec, who: str) -> None:
    missing = missing_requirements(spec)
    if missing:
        raise MissingDependencyError(
            f"{who} needs an optional package that is not installed",
            expected=", ".join(spec.requires),
            found=f"{', '.join(missing)} missing",
            hint=f"pip install {' '.join(dict.fromkeys(name.partition('.')[0] for name in missing))}",
        )
