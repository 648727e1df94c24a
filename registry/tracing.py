"""What plug-ins are asked and answer, on stderr, for those who write them."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping

#: Where set to 1, every hook that is called is written to stderr.
TRACE_VARIABLE = "UNBRAID_TRACE_PLUGINS"


def tracing() -> bool:
    """Tell whether hooks are to be written to stderr.

    Returns:
        True where the user asked for it.
    """
    return os.environ.get(TRACE_VARIABLE, "").strip().lower() not in ("", "0", "false", "no")


def traced(plugin: str, hook: str, values: Mapping[str, object], call: Callable[[], object]) -> object:
    """Call a hook, and write who was asked what, and what came back.

    Args:
        plugin: Who is asked.
        hook: Name of the hook.
        values: The arguments it takes.
        call: Calls it.

    Returns:
        What the plug-in returned; a generator is walked to its end first.
    """
    asked = f"{hook}({', '.join(f'{name}={value!r}' for name, value in values.items())}) of {plugin}"
    try:
        found = call()
        if isinstance(found, Iterator):
            found = list(found)
    except BaseException as error:
        _write(f"{asked} raised {type(error).__name__}: {error}")
        raise
    _write(f"{asked} gave {found!r}")
    return found


def _write(line: str) -> None:
    print(f"unbraid: {line}", file=sys.stderr)  # noqa: T201 - stderr is where the author looks
