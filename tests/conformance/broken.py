"""What the tables of broken plug-ins hold."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from unbraid.registry import Registry, get_registry
from unbraid.registry.conformance.held import DISTRIBUTION, registry_with


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A plug-in that breaks one promise.

    `make` gives the subject of the check; `implies` names checks that cannot pass then either. A subject that is
    `named` is put into the registry and checked by its name; `manifest` is a module that declares a plug-in of the name
    that `make` gives.
    """

    make: Callable[[], Any]
    implies: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    named: bool = False
    manifest: str = ""

    def subject(self):
        """The subject, and the registry it is found in where that is not the usual one."""
        made = self.make()
        if self.manifest:
            return made, Registry([*get_registry().manifests, import_module(self.manifest)])
        return (f"{DISTRIBUTION}:{made.name}", registry_with(made)) if self.named else (made, None)
