"""What the registry holds for each name, and who owns a name."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from unbraid.registry.loading import label
from unbraid.registry.markers import PROJECT
from unbraid.registry.metadata import normalise
from unbraid.registry.specs import Spec

S = TypeVar("S", bound=Spec)
S_co = TypeVar("S_co", bound=Spec, covariant=True)


@dataclass(frozen=True)
class Entry(Generic[S_co]):
    """A spec and the plug-in it comes from."""

    spec: S_co
    #: Entry-point name of the plug-in.
    plugin: str
    distribution: str
    version: str

    @property
    def name(self) -> str:
        """The bare name of the spec."""
        return self.spec.name

    @property
    def qualified_name(self) -> str:
        """`distribution:name`, which is never ambiguous."""
        return f"{self.distribution}:{self.spec.name}"

    @property
    def built_in(self) -> bool:
        """Whether it comes with Unbraid itself."""
        return normalise(self.distribution) == PROJECT

    @property
    def label(self) -> str:
        """How messages name the plug-in."""
        return label(self.plugin, self.distribution, self.version)


def owner(entries: Iterable[Entry[S]]) -> Entry[S] | None:
    """Find who a bare name belongs to.

    Args:
        entries: Everything that carries the name.

    Returns:
        The built-in, or the only provider; None where nobody or more than one third party provides it.
    """
    providers = list(entries)
    built_in = [entry for entry in providers if entry.built_in]
    if built_in:
        return built_in[0]
    return providers[0] if len(providers) == 1 else None


def by_name(entries: Iterable[Entry[S]]) -> Mapping[str, Entry[S]]:
    """Name every entry the shortest way that works.

    Args:
        entries: Entries of one kind.

    Returns:
        The bare name for its owner, `distribution:name` for everybody else; sorted.
    """
    groups: dict[str, list[Entry[S]]] = defaultdict(list)
    for entry in entries:
        groups[entry.name].append(entry)
    named: dict[str, Entry[S]] = {}
    for name, group in groups.items():
        holder = owner(group)
        named.update((name if entry is holder else entry.qualified_name, entry) for entry in group)
    return dict(sorted(named.items()))


def matching(entries: Iterable[Entry[S]], name: str) -> list[Entry[S]]:
    """Select the entries that carry a name.

    Args:
        entries: Entries of one kind.
        name: Bare, or qualified as `distribution:name`.

    Returns:
        Those that match.
    """
    distribution, colon, bare = name.rpartition(":")
    return [
        entry
        for entry in entries
        if entry.name == bare and (not colon or normalise(entry.distribution) == normalise(distribution))
    ]
