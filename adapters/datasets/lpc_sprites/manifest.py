"""What the registry knows about LPC sprites."""

from collections.abc import Iterable

from unbraid.registry import DatasetSpec, hookimpl


@hookimpl
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare the data set."""
    yield DatasetSpec(
        name="lpc-sprites",
        target="unbraid.adapters.datasets.lpc_sprites.adapter:load",
        config="unbraid.adapters.datasets.lpc_sprites.config:LpcSpritesConfig",
        summary="1,296 pixel-art characters in up to 172 poses, 64 x 64 (needs UNBRAID_DATA)",
        licence="CC BY-SA 3.0 or GPL 3.0, Liberated Pixel Cup artists",
        content="character",
        style="pose",
        reference="Li and Mandt 2018, https://arxiv.org/abs/1803.02991",
    )
