"""Declares a method of a newer plug-in contract."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(name="from_the_future", target="newer_api.model:Future", summary="Not yet.", api=99)
