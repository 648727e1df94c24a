"""The pluggy manager underneath the registry."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pluggy

from unbraid.registry import hookspecs
from unbraid.registry.errors import PluginError
from unbraid.registry.markers import PROJECT
from unbraid.registry.tracing import traced, tracing

HOOK_PREFIX = f"{PROJECT}_"


class Implementation(NamedTuple):
    """One hook of one plug-in."""

    plugin: str
    function: Callable[..., object]
    arguments: tuple[str, ...]

    def call(self, **values: object) -> object:
        """Call the hook with those of `values` it takes.

        Args:
            **values: Every argument of the specification.

        Returns:
            What the plug-in returned.
        """
        taken = {name: values[name] for name in self.arguments}
        if tracing():
            hook = getattr(self.function, "__name__", "a hook")
            return traced(self.plugin, hook, taken, lambda: self.function(*taken.values()))
        return self.function(*taken.values())


class Manager(pluggy.PluginManager):
    """A plug-in manager that only looks at names starting with `unbraid_` and calls each implementation alone."""

    def __init__(self) -> None:
        super().__init__(PROJECT)
        self.add_hookspecs(hookspecs)

    # pluggy's own types for the options are private, hence Any.
    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
        """Skip every attribute that cannot be a hook, so that nothing lazy in a manifest is evaluated."""
        return super().parse_hookimpl_opts(plugin, name) if name.startswith(HOOK_PREFIX) else None

    def add(self, plugin: object, name: str) -> None:
        """Register a plug-in completely or not at all.

        Args:
            plugin: The manifest.
            name: A name no other plug-in has.

        Raises:
            pluggy.PluginValidationError: A hook takes arguments the specification does not offer.
            PluginError: A hook is unknown or is a wrapper, or there is no hook.
        """
        self.register(plugin, name)
        try:
            self._check(plugin)
        except PluginError:
            self.unregister(plugin)
            raise

    def implementations(self, hook: str, *, plugin: str | None = None) -> Iterator[Implementation]:
        """List the implementations of a hook in the order in which pluggy would call them.

        Args:
            hook: Name of the hook.
            plugin: Only those of this plug-in.

        Yields:
            Each implementation.
        """
        for found in reversed(getattr(self.hook, hook).get_hookimpls()):
            if plugin in (None, found.plugin_name):
                yield Implementation(found.plugin_name, found.function, tuple(found.argnames))

    def _check(self, plugin: object) -> None:
        callers = self.get_hookcallers(plugin) or []
        known = ", ".join(sorted(name for name in vars(hookspecs) if name.startswith(HOOK_PREFIX)))
        if not callers:
            raise PluginError("the manifest implements no hook", expected=f"@hookimpl on one of {known}")
        for caller in callers:
            for found in (impl for impl in caller.get_hookimpls() if impl.plugin is plugin):
                if not caller.has_spec() and not found.optionalhook:
                    raise PluginError("the manifest implements an unknown hook", expected=known, found=caller.name)
                if found.wrapper or found.hookwrapper:
                    raise PluginError(f"{caller.name} is a hook wrapper", expected="a plain function")
