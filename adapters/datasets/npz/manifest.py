"""What the registry knows about `.npz` data sets."""

from collections.abc import Iterable

from unbraid.registry import DatasetSpec, hookimpl


@hookimpl
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare the data set."""
    yield DatasetSpec(
        name="npz",
        target="unbraid.adapters.datasets.npz.adapter:load",
        config="unbraid.adapters.datasets.npz.config:NpzConfig",
        summary="pictures and labels of your own in one .npz file",
    )
