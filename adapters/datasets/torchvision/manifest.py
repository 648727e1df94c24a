"""What the registry knows about torchvision's data sets."""

from collections.abc import Iterable

from unbraid.registry import DatasetSpec, hookimpl


@hookimpl
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare the data set."""
    yield DatasetSpec(
        name="torchvision",
        target="unbraid.adapters.datasets.torchvision.adapter:load",
        config="unbraid.adapters.datasets.torchvision.config:TorchvisionConfig",
        summary="MNIST, FashionMNIST, SVHN, Omniglot, CelebA or Flowers102, read or downloaded by torchvision",
        licence="that of the data set",
        content=None,
        style=None,
        reference="https://docs.pytorch.org/vision/stable/datasets.html",
    )
