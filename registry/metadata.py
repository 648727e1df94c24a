"""Which plug-ins are installed, from their metadata alone: no plug-in code runs here."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Literal

from unbraid.registry.markers import PROJECT

#: Comma-separated entry-point or distribution names; where set, only these are loaded.
ALLOW_VARIABLE = "UNBRAID_PLUGINS"
#: Comma-separated entry-point or distribution names that are not loaded.
BLOCK_VARIABLE = "UNBRAID_DISABLE_PLUGINS"

State = Literal["enabled", "blocked", "not allowed", "unreadable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPlugin:
    """An entry point of the group `unbraid` and the distribution that brings it."""

    name: str
    distribution: str
    version: str
    #: Whether it would be loaded, and if not, why.
    state: State
    #: None where the distribution's metadata cannot be read.
    entry_point: EntryPoint | None = None

    @property
    def reason(self) -> str:
        """Why the plug-in is not loaded; empty for one that is."""
        reasons: dict[State, str] = {
            "enabled": "",
            "blocked": f"named in {BLOCK_VARIABLE}",
            "not allowed": f"not named in {ALLOW_VARIABLE}",
            "unreadable": "the metadata of its distribution cannot be read",
        }
        return reasons[self.state]


def installed_plugins() -> tuple[InstalledPlugin, ...]:
    """List the installed plug-ins without running any of their code; never fails.

    Returns:
        Every plug-in, sorted by name and distribution, with the state the environment variables give it.
    """
    allowed, blocked = _names(ALLOW_VARIABLE), _names(BLOCK_VARIABLE) or frozenset()
    found: dict[tuple[str, str], InstalledPlugin] = {}
    for distribution in distributions():
        for plugin in _plugins_of(distribution, allowed, blocked):
            # The first on the path wins, as it does for imports.
            found.setdefault((plugin.name, normalise(plugin.distribution)), plugin)
    return tuple(found[key] for key in sorted(found))


def normalise(name: str) -> str:
    """Spell a distribution or entry-point name the one way in which names are compared.

    Args:
        name: Any spelling.

    Returns:
        Lower case, with runs of `-`, `_` and `.` as one `-`.

    >>> normalise("My_Plug.in")
    'my-plug-in'
    """
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _names(variable: str) -> frozenset[str] | None:
    value = os.environ.get(variable)
    if value is None:
        return None
    return frozenset(normalise(name) for name in value.split(",") if name.strip())


def _plugins_of(
    distribution: Distribution, allowed: frozenset[str] | None, blocked: frozenset[str]
) -> Iterator[InstalledPlugin]:
    try:
        points = [point for point in distribution.entry_points if point.group == PROJECT]
    except Exception:  # noqa: BLE001 - a damaged distribution, ours or not, must not hide the others
        if PROJECT in _text(distribution, "entry_points.txt"):
            name = _field(distribution, "Name")
            yield InstalledPlugin(
                name=name, distribution=name, version=_field(distribution, "Version"), state="unreadable"
            )
        return
    if not points:
        return
    owner, version = _field(distribution, "Name"), _field(distribution, "Version")
    for point in points:
        spellings = {normalise(point.name), normalise(owner)}
        yield InstalledPlugin(
            name=point.name,
            distribution=owner,
            version=version,
            state=_state(spellings, allowed, blocked),
            entry_point=point,
        )


def _state(spellings: set[str], allowed: frozenset[str] | None, blocked: frozenset[str]) -> State:
    if spellings & blocked:
        return "blocked"
    return "enabled" if allowed is None or spellings & allowed else "not allowed"


def _field(distribution: Distribution, name: str) -> str:
    try:
        return str(distribution.metadata[name] or "unknown")
    except Exception:  # noqa: BLE001 - what a missing METADATA file raises differs between Python versions
        return "unknown"


def _text(distribution: Distribution, file: str) -> str:
    try:
        return distribution.read_text(file) or ""
    except Exception:  # noqa: BLE001 - a file that cannot be decoded raises anything
        return ""
