"""What the registry knows about the London faces."""

from collections.abc import Iterable

from unbraid.registry import DatasetSpec, hookimpl


@hookimpl
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare the data set."""
    yield DatasetSpec(
        name="london-faces",
        target="unbraid.adapters.datasets.london_faces.adapter:load",
        config="unbraid.adapters.datasets.london_faces.config:LondonFacesConfig",
        summary="102 people, neutral and smiling, 256 x 256 (needs UNBRAID_DATA)",
        licence="CC BY 4.0, DeBruine and Jones 2017, doi:10.6084/m9.figshare.5047666.v5",
        content="person",
        style="expression",
        reference="doi:10.6084/m9.figshare.5047666.v5",
    )
