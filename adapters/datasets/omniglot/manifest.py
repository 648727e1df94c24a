"""What the registry knows about Omniglot."""

from collections.abc import Iterable

from unbraid.registry import DatasetSpec, hookimpl


@hookimpl
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare the data set."""
    yield DatasetSpec(
        name="omniglot",
        target="unbraid.adapters.datasets.omniglot.adapter:load",
        config="unbraid.adapters.datasets.omniglot.config:OmniglotConfig",
        summary="1,623 handwritten characters by 20 drawers each, Vinyals split, rotations (needs UNBRAID_DATA)",
        licence="MIT (c) 2015 Brenden Lake",
        content="character",
        style="drawer",
        reference="Lake et al., Science 350 (2015); split of Vinyals et al. 2016, https://arxiv.org/abs/1606.04080",
    )
