"""Declares a method that another distribution declares too."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(name="twin", target="clash_a.model:Twin", summary="Twin a.")
