"""The catalogue of everything the installed plug-ins provide."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NoReturn, overload

from unbraid.registry.declaring import HOOKS, declared
from unbraid.registry.entries import Entry, S, by_name, matching, owner
from unbraid.registry.errors import (
    PluginApiError,
    PluginClashError,
    PluginError,
    PluginLoadError,
    UnbraidError,
    UnknownNameError,
)
from unbraid.registry.loading import LoadFailure, Manifest, as_manifest, failure, load_manifests, quiet
from unbraid.registry.manager import Manager
from unbraid.registry.markers import PROJECT
from unbraid.registry.metadata import InstalledPlugin, installed_plugins, normalise
from unbraid.registry.specs import BackboneSpec, DatasetSpec, DisentanglerSpec, MetricSpec, Spec, TrackerSpec

Kind = Literal["method", "backbone", "dataset", "metric", "tracker"]


class Registry:
    """Every method, backbone, data set, metric and tracker there is, by name.

    Building one imports the manifests, which are light, and nothing else.

    Args:
        plugins: The plug-ins to hold, as manifest modules, objects with hook implementations or `Manifest`s.
            Default: all that are installed.

    >>> Registry.empty().disentanglers()
    {}
    """

    def __init__(self, plugins: Iterable[object] | None = None) -> None:
        self._discovered = plugins is None
        found, failures = load_manifests() if plugins is None else ([as_manifest(plugin) for plugin in plugins], [])
        self._manager = Manager()
        self._entries: list[Entry[Spec]] = []
        self._manifests: list[Manifest] = []
        self._failures = failures
        for manifest in found:
            self._add(manifest)
        for failed in self._failures:
            failed.warn()

    @classmethod
    def empty(cls) -> "Registry":
        """Make a registry that holds nothing; for tests.

        Returns:
            The registry.
        """
        return cls(plugins=())

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """The plug-ins that work; `Registry([*registry.manifests, mine])` adds one."""
        return tuple(self._manifests)

    @property
    def failures(self) -> tuple[LoadFailure, ...]:
        """The plug-ins that were left out, and why."""
        return tuple(self._failures)

    def disentanglers(self) -> Mapping[str, Entry[DisentanglerSpec]]:
        """List the methods.

        Returns:
            Name to entry; the name is bare for its owner and `distribution:name` for everybody else.
        """
        return self._named(DisentanglerSpec)

    def backbones(self) -> Mapping[str, Entry[BackboneSpec]]:
        """List the backbone adapters, named as in `disentanglers`.

        Returns:
            Name to entry.
        """
        return self._named(BackboneSpec)

    def datasets(self) -> Mapping[str, Entry[DatasetSpec]]:
        """List the data sets, named as in `disentanglers`.

        Returns:
            Name to entry.
        """
        return self._named(DatasetSpec)

    def metrics(self) -> Mapping[str, Entry[MetricSpec]]:
        """List the metrics, named as in `disentanglers`.

        Returns:
            Name to entry.
        """
        return self._named(MetricSpec)

    def trackers(self) -> Mapping[str, Entry[TrackerSpec]]:
        """List the trackers, named as in `disentanglers`.

        Returns:
            Name to entry.
        """
        return self._named(TrackerSpec)

    @overload
    def resolve(self, kind: type[S], name: str) -> Entry[S]: ...
    @overload
    def resolve(self, kind: Literal["method"], name: str) -> Entry[DisentanglerSpec]: ...
    @overload
    def resolve(self, kind: Literal["backbone"], name: str) -> Entry[BackboneSpec]: ...
    @overload
    def resolve(self, kind: Literal["dataset"], name: str) -> Entry[DatasetSpec]: ...
    @overload
    def resolve(self, kind: Literal["metric"], name: str) -> Entry[MetricSpec]: ...
    @overload
    def resolve(self, kind: Literal["tracker"], name: str) -> Entry[TrackerSpec]: ...

    def resolve(self, kind: type[Spec] | Kind, name: str) -> Entry[Any]:
        """Find what a name stands for.

        Args:
            kind: `method`, `backbone`, `dataset`, `metric`, `tracker`, or the class of the spec.
            name: A bare name belongs to the built-in, or to the only provider; `distribution:name` always works.

        Returns:
            The entry.

        Raises:
            PluginLoadError: The plug-in of that name is installed and broken.
            PluginApiError: The plug-in of that name was written for a newer contract.
            PluginClashError: Several third parties provide the name.
            UnknownNameError: Nobody provides it.
        """
        spec = kind if isinstance(kind, type) else _kind(kind)
        found = matching(self._of(spec), name)
        holder = owner(found)
        if holder is None and len(found) > 1:
            raise _clash(spec.kind, name, found)
        if holder is None or not holder.built_in:
            # A broken built-in keeps its name: nobody should silently get another method under it.
            self._refuse_failed(spec.kind, name, only_built_in=holder is not None)
        return holder or self._unknown(spec, name)

    def adapt(self, model: object, hint: str | None = None) -> object | None:
        """Ask each plug-in in turn whether it can wrap a live object as a backbone.

        Args:
            model: What the user passed in.
            hint: Name of the adapter the user asked for, if any.

        Returns:
            The first backbone offered, or None where nobody knows the object.

        Raises:
            UnbraidError: Nobody wrapped the object, and a plug-in that knows it says what is wrong with it.
            PluginError: Nobody wrapped the object and a plug-in raised something else while it tried.
        """
        raised: list[tuple[str, Exception]] = []
        for implementation in self._manager.implementations("unbraid_adapt"):
            try:
                backbone = implementation.call(model=model, hint=hint)
            except Exception as error:  # noqa: BLE001 - another plug-in may still know the object
                raised.append((implementation.plugin, error))
                continue
            if backbone is not None:
                return backbone
        for _, cause in raised:
            if isinstance(cause, UnbraidError):
                raise cause
        if raised:
            plugin, cause = raised[0]
            raise PluginError(f"plug-in {plugin} failed to wrap a {type(model).__name__}", found=cause) from cause
        return None

    def _add(self, manifest: Manifest) -> None:
        try:
            self._manager.add(manifest.module, manifest.key)
        except Exception as error:  # noqa: BLE001 - whatever registration raises costs only this plug-in
            self._failures.append(failure(manifest, "register", error))
            return
        names: list[str] = []
        try:
            with quiet():
                entries = declared(self._manager, manifest, names)
            self._refuse_repeats(entries)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a raising hook costs only this plug-in
            self._manager.unregister(name=manifest.key)
            self._failures.append(failure(manifest, "declare", error, names))
            return
        self._manifests.append(manifest)
        self._entries.extend(entries)

    def _refuse_repeats(self, entries: Iterable[Entry[Spec]]) -> None:
        taken = {(type(entry.spec).kind, entry.qualified_name): entry for entry in self._entries}
        for entry in entries:
            other = taken.setdefault((type(entry.spec).kind, entry.qualified_name), entry)
            if other is not entry:
                raise PluginClashError(
                    f"the {entry.spec.kind} {entry.name!r} is declared twice by one distribution",
                    expected="one spec per name",
                    found=f"also in plug-in {other.label}",
                )

    def _of(self, kind: type[S]) -> list[Entry[S]]:
        return [
            Entry(entry.spec, entry.plugin, entry.distribution, entry.version)
            for entry in self._entries
            if isinstance(entry.spec, kind)
        ]

    def _named(self, kind: type[S]) -> Mapping[str, Entry[S]]:
        return by_name(self._of(kind))

    def _refuse_failed(self, kind: str, name: str, *, only_built_in: bool) -> None:
        distribution, _, bare = name.rpartition(":")
        for failed in self._failures:
            brought_by = normalise(failed.distribution)
            if (only_built_in and brought_by != PROJECT) or (distribution and brought_by != normalise(distribution)):
                continue
            if bare in failed.provides or normalise(bare) == normalise(failed.name):
                raise _failed(kind, name, failed) from failed.error

    def _unknown(self, kind: type[Spec], name: str) -> NoReturn:
        hints = [f"{failed.label} failed to load and may provide it" for failed in self._failures]
        if self._discovered:
            hints += _left_out(installed_plugins())
        raise UnknownNameError(kind.kind, name, self._named(kind), hint="; ".join(hints) or None)


def _kind(name: str) -> type[Spec]:
    kinds = {spec.kind: spec for spec in HOOKS.values()}
    if name not in kinds:
        raise UnknownNameError("kind of plug-in", name, kinds)
    return kinds[name]


def _left_out(installed: Iterable[InstalledPlugin]) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for plugin in installed:
        reasons.setdefault(plugin.reason, []).append(plugin.name)
    if not reasons:
        return ["no plug-in is installed, not even the built-ins: pip install -e . in the checkout"]
    return [f"not loaded, since {reason}: {', '.join(names)}" for reason, names in reasons.items() if reason]


def _clash(kind: str, name: str, entries: Iterable[Entry[Spec]]) -> PluginClashError:
    providers = sorted(entries, key=lambda entry: entry.qualified_name)
    return PluginClashError(
        f"several plug-ins provide the {kind} {name!r}",
        expected="one provider",
        found=" and ".join(entry.label for entry in providers),
        hint=" or ".join(entry.qualified_name for entry in providers),
    )


def _failed(kind: str, name: str, failed: LoadFailure) -> PluginError:
    hint = "`unbraid list` names every plug-in that fails; UNBRAID_STRICT_PLUGINS=1 shows the traceback"
    if isinstance(failed.error, PluginApiError):
        cause = failed.error
        return PluginApiError(
            f"{kind} {name!r}: plug-in {failed.label} cannot be used: {cause.problem}",
            expected=cause.expected,
            found=cause.found,
            hint=cause.hint,
        )
    return PluginLoadError(f"{kind} {name!r}: {failed.message}", hint=hint)
