"""What the registry knows about street characters."""

from collections.abc import Iterable

from unbraid.registry import DatasetSpec, hookimpl


@hookimpl
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare the data set."""
    yield DatasetSpec(
        name="street-chars",
        target="unbraid.adapters.datasets.street_chars.adapter:load",
        config="unbraid.adapters.datasets.street_chars.config:StreetCharsConfig",
        summary="6,283 colour crops of 62 characters in streets, 32 x 32 (needs UNBRAID_DATA)",
        licence="none that allows redistribution; acknowledge Chars74K",
        content="character",
        style=None,
        reference="de Campos et al. 2009 (Chars74K)",
    )
