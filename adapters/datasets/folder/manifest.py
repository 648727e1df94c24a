"""What the registry knows about folders of pictures."""

from collections.abc import Iterable

from unbraid.registry import DatasetSpec, hookimpl


@hookimpl
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare the data set."""
    yield DatasetSpec(
        name="folder",
        target="unbraid.adapters.datasets.folder.adapter:load",
        config="unbraid.adapters.datasets.folder.config:FolderConfig",
        summary="pictures of your own, a folder for each class",
    )
