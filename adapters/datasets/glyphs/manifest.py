"""What the registry knows about the glyphs."""

from collections.abc import Iterable

from unbraid.registry import DatasetSpec, hookimpl


@hookimpl
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare the data set."""
    yield DatasetSpec(
        name="glyphs",
        target="unbraid.adapters.datasets.glyphs.adapter:load",
        config="unbraid.adapters.datasets.glyphs.config:GlyphsConfig",
        summary="134 Latin characters in 34 typefaces, every combination, 28 x 28; comes with Unbraid",
        licence="rendered by us from fonts under OFL-1.1 or Apache-2.0",
        content="character",
        style="typeface",
    )
