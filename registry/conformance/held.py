"""Classes and functions that were handed over rather than installed: specs name what they point at by a dotted string."""

from unbraid.registry import Manifest, Registry, get_registry, hookimpl
from unbraid.registry.declaring import HOOKS
from unbraid.registry.specs import Spec

#: The distribution everything handed over belongs to.
DISTRIBUTION = "checked"


class _Plugin:
    """An object with one hook."""


def hold(target: object) -> str:
    """Keep an object here and give the dotted string it is then found under."""
    name = f"held_{id(target)}"
    globals()[name] = target
    return f"{__name__}:{name}"


def registry_with(spec: Spec) -> Registry:
    """Make a registry of everything there is and one spec more, found as `checked:NAME`."""
    plugin = _Plugin()
    hook = next(name for name, kind in HOOKS.items() if isinstance(spec, kind))
    setattr(plugin, hook, hookimpl(lambda: [spec]))
    mine = Manifest(name=spec.name, module=plugin, distribution=DISTRIBUTION, version="0")
    others = [manifest for manifest in get_registry().manifests if manifest.distribution != DISTRIBUTION]
    return Registry([*others, mine])
