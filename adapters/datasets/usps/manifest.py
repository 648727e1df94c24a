"""What the registry knows about USPS."""

from collections.abc import Iterable

from unbraid.registry import DatasetSpec, hookimpl


@hookimpl
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare the data set."""
    yield DatasetSpec(
        name="usps",
        target="unbraid.adapters.datasets.usps.adapter:load",
        config="unbraid.adapters.datasets.usps.config:UspsConfig",
        summary="9,298 digits from envelopes, 16 x 16 (needs UNBRAID_DATA)",
        licence="none stated; made available by AT&T research labs",
        content="digit",
        style=None,
        reference="Hull 1994, doi:10.1109/34.291440",
    )
