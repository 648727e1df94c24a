"""What the cases of all kinds share: a plug-in by name, by spec or by object, and a folder that goes away."""

import re
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from unbraid.core.catalogue import config_for
from unbraid.core.config import settings_of
from unbraid.registry import Entry, Registry, get_registry, import_target
from unbraid.registry.conformance.check import Kind
from unbraid.registry.conformance.held import DISTRIBUTION, registry_with
from unbraid.registry.specs import Spec


class PluginCase:
    """A plug-in under check.

    Args:
        subject: its name, its spec, or the thing itself.
        settings: of its config.
    """

    kind: ClassVar[Kind]
    #: The backbone, of a method.
    on: str = ""

    def __init__(self, subject: Any, settings: Mapping[str, Any] | None = None) -> None:
        self.subject = subject
        self.settings = dict(settings or {})

    @property
    def name(self) -> str:
        """What results call it."""
        return self.subject if isinstance(self.subject, str) else self.spec.name

    @cached_property
    def registry(self) -> Registry:
        """What is in force while a check runs."""
        return get_registry() if isinstance(self.subject, str) else registry_with(self.spec)

    @property
    def qualified(self) -> str:
        """The name `registry` finds it under."""
        return self.subject if isinstance(self.subject, str) else f"{DISTRIBUTION}:{self.spec.name}"

    @cached_property
    def spec(self) -> Any:
        """What its manifest declares, or what is made up for a thing without one."""
        if isinstance(self.subject, str):
            return self.entry.spec
        return self.subject if isinstance(self.subject, Spec) else self.declare()

    @cached_property
    def entry(self) -> Entry[Any]:
        """The spec with the plug-in that brings it."""
        return self.registry.resolve(self.kind, self.qualified)

    @property
    def target(self) -> Any:
        """What the spec points at."""
        return import_target(self.entry)

    @property
    def config(self) -> Any:
        """The config from the settings; None where there is nothing to set."""
        return config_for(self.entry, self.settings)

    @cached_property
    def _folder(self) -> Path:
        path = tempfile.mkdtemp(prefix="unbraid-check-")
        weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)
        return Path(path)

    def folder(self, name: str) -> Path:
        """Give the path of something that goes away with the case."""
        return self._folder / name

    def config_fields(self) -> tuple[str, ...]:
        """Names of what can be set."""
        if self.spec.config is None:
            return ()
        return tuple(settings_of(import_target(self.entry, self.spec.config)))

    def declare(self) -> Spec:
        """Make the spec of something that was handed over without one."""
        raise NotImplementedError


def spec_name(target: Any) -> str:
    """Name a class or function the way specs are named.

    >>> spec_name(PluginCase)
    'plugincase'
    """
    text = str(getattr(target, "__name__", type(target).__name__))
    return re.sub(r"[^a-z0-9_-]", "", text.lower()).lstrip("0123456789_-") or "checked"
