"""The root of the exception tree and the errors of plug-in loading.

`unbraid.core.errors` draws the whole tree; these live here because the registry imports nothing of core.
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class UnbraidError(Exception):
    """Base of every error Unbraid raises; says what was expected, what was found and what to do next.

    `exit_code` is what the command line exits with: 2 for misuse, 1 for a fault of the environment, 130 for Ctrl-C.

    >>> print(UnbraidError("the image is too small", expected="1 x 28 x 28", found="1 x 14 x 14", hint="resize it"))
    the image is too small
      expected: 1 x 28 x 28
      found:    1 x 14 x 14
      try:      resize it
    """

    exit_code: ClassVar[int] = 2

    def __init__(
        self,
        problem: str,
        *,
        expected: object | None = None,
        found: object | None = None,
        hint: str | None = None,
    ) -> None:
        self.problem = problem
        self.expected = expected
        self.found = found
        self.hint = hint
        lines = [problem]
        if expected is not None:
            lines.append(f"  expected: {expected}")
        if found is not None:
            lines.append(f"  found:    {found}")
        if hint is not None:
            lines.append(f"  try:      {hint}")
        super().__init__("\n".join(lines))


class UnknownNameError(UnbraidError):
    """A name that nothing provides; the message lists near matches and what there is."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, hint: str | None = None) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        suggestion = f"did you mean {' or '.join(repr(n) for n in near)}?" if near else None
        super().__init__(
            f"unknown {kind} {name!r}",
            expected=f"one of {', '.join(names) or '(none)'}",
            found=repr(name),
            hint=" ".join(part for part in (suggestion, hint) if part) or None,
        )


class PluginError(UnbraidError):
    """A plug-in cannot be used; the message names the plug-in, its distribution and its version."""


class PluginLoadError(PluginError):
    """A plug-in raised while it was imported, registered or asked for its specs."""


class PluginClashError(PluginError):
    """Two plug-ins provide the same name; `distribution:name` chooses one."""


class PluginApiError(PluginError):
    """A plug-in was written for another version of the plug-in contract."""


class MissingDependencyError(UnbraidError):
    """A plug-in needs an optional package that is not installed."""

    exit_code = 1
