"""What the registry knows about MNIST with writers."""

from collections.abc import Iterable

from unbraid.registry import DatasetSpec, hookimpl


@hookimpl
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare the data set."""
    yield DatasetSpec(
        name="mnist-writers",
        target="unbraid.adapters.datasets.mnist_writers.adapter:load",
        config="unbraid.adapters.datasets.mnist_writers.config:MnistWritersConfig",
        summary="MNIST with the writer of each of its 70,000 digits (needs UNBRAID_DATA)",
        licence="MNIST CC BY-SA 3.0 as its mirror states; QMNIST labels BSD-3-Clause",
        content="digit",
        style="writer",
        reference="Yadav and Bottou 2019, https://arxiv.org/abs/1905.10498",
    )
