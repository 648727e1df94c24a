"""What the registry knows about scikit-learn's digits."""

from collections.abc import Iterable

from unbraid.registry import DatasetSpec, hookimpl


@hookimpl
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare the data set."""
    yield DatasetSpec(
        name="digits",
        target="unbraid.adapters.datasets.digits.adapter:load",
        config="unbraid.adapters.datasets.digits.config:DigitsConfig",
        summary="1,797 handwritten digits of 8 x 8 pixels; comes with scikit-learn",
        licence="CC BY 4.0 (UCI), shipped with scikit-learn",
        content="digit",
        style=None,
        reference="https://archive.ics.uci.edu/dataset/80",
    )
