"""Declares a hook that asks for an argument that is not in the specification."""

from unbraid.registry import hookimpl


@hookimpl
def unbraid_disentanglers(session: object) -> list[object]:
    """Declare nothing."""
    return [session]
