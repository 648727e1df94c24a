"""A manifest that imports what it should name by a string, and talks in its summary."""

import torch

from unbraid.registry import DisentanglerSpec, hookimpl

_USED = torch.float32


@hookimpl
def unbraid_disentanglers():
    return [
        DisentanglerSpec(
            name="heavy",
            target="unbraid.registry.conformance.toys.method:ToyMethod",
            config="unbraid.registry.conformance.toys.method:ToyConfig",
            summary="A method.\nIt has a long story.",
            supervision="labels",
        )
    ]
