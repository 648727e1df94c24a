"""The two decorators that tie a hook specification to its implementations."""

from typing import Final

import pluggy

#: Project name of every hook, and the entry-point group plug-ins are found in.
PROJECT: Final = "unbraid"

#: Marks a hook specification; only `unbraid.registry.hookspecs` uses it.
hookspec = pluggy.HookspecMarker(PROJECT)

#: Marks a hook implementation in a plug-in's manifest.
hookimpl = pluggy.HookimplMarker(PROJECT)
