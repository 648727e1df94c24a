"""A check: a small function with a docstring that says what breaks in practice without it."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from unbraid.core.errors import PluginError, UnbraidError

#: The kinds of plug-in there are checks for.
Kind = Literal["method", "backbone", "dataset", "metric"]
KINDS: tuple[Kind, ...] = ("method", "backbone", "dataset", "metric")

#: Every check there is, in the order in which they run.
CHECKS: list["Check"] = []


class Failure(UnbraidError):
    """Raised by a check: the plug-in is not what its contract says."""


class Skip(Exception):
    """Raised by a check: it has nothing to look at here, for the reason given."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a plug-in promises.

    Args:
        id: `group.name`; stable.
        group: what it is about: `contract`, `shapes`, `gradients`, `frozen`, ...
        kinds: which plug-ins it is for.
        function: takes the case, and raises where the promise is not kept.
        once: whether it is the same on every backbone.
    """

    id: str
    group: str
    kinds: tuple[Kind, ...]
    function: Callable[[Any], None]
    once: bool = False

    @property
    def promise(self) -> str:
        """What a plug-in promises, in one sentence."""
        return self._paragraph(0)

    @property
    def breaks(self) -> str:
        """What goes wrong in practice where the promise is not kept."""
        return self._paragraph(1).removeprefix("Breaks: ")

    @property
    def mend(self) -> str:
        """What an author does about it."""
        return self._paragraph(2).removeprefix("Mend: ")

    def _paragraph(self, index: int) -> str:
        paragraphs = inspect.getdoc(self.function) or ""
        return " ".join([*paragraphs.split("\n\n"), "", "", ""][index].split())


def check(group: str, *kinds: Kind, once: bool = False) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Make a function a check of some kinds of plug-in, with the id `group.name-of-the-function`.

    A check that is the same on every backbone runs `once`. Its docstring has three paragraphs: the promise, `Breaks: ` what goes wrong without it, `Mend: ` what to do.

    Raises:
        PluginError: two checks of a kind have the same id.
    """

    def register(function: Callable[[Any], None]) -> Callable[[Any], None]:
        found = Check(f"{group}.{function.__name__.replace('_', '-')}", group, kinds, function, once)
        if any(other.id == found.id and set(other.kinds) & set(kinds) for other in CHECKS):
            raise PluginError(f"there is a check {found.id} already", expected="one check an id", found="two")
        CHECKS.append(found)
        return function

    return register


def checks_of(kind: Kind, groups: Sequence[str] | None = None) -> list[Check]:
    """List the checks of a kind of plug-in, or those of some groups.

    Args:
        kind: of plug-in.
        groups: names of groups, or ids of single checks; None takes all.
    """
    found = [each for each in CHECKS if kind in each.kinds]
    return found if groups is None else [each for each in found if {each.group, each.id} & set(groups)]


def require(holds: object, problem: str, *, expected: object, found: object) -> None:
    """Raise `Failure` where something does not hold.

    >>> require(1 < 2, "numbers are out of order", expected="less", found="more")
    """
    if not holds:
        raise Failure(problem, expected=expected, found=found)
