"""What the registry knows about drawn shapes."""

from collections.abc import Iterable

from unbraid.registry import DatasetSpec, hookimpl


@hookimpl
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare the data set."""
    yield DatasetSpec(
        name="shapes",
        target="unbraid.adapters.datasets.shapes.adapter:load",
        config="unbraid.adapters.datasets.shapes.config:ShapesConfig",
        summary="shapes drawn from shape, scale, angle, x and y, every combination; no files",
        licence="drawn by Unbraid",
        content="shape",
        style=None,
        reference="after dSprites, https://github.com/google-deepmind/dsprites-dataset",
    )
