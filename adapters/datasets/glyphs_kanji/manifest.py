"""What the registry knows about the Japanese glyphs."""

from collections.abc import Iterable

from unbraid.registry import DatasetSpec, hookimpl


@hookimpl
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare the data set."""
    yield DatasetSpec(
        name="glyphs-kanji",
        target="unbraid.adapters.datasets.glyphs_kanji.adapter:load",
        config="unbraid.adapters.datasets.glyphs_kanji.config:GlyphsKanjiConfig",
        summary="600 Japanese characters in 20 typefaces, every combination, 32 x 32; comes with Unbraid",
        licence="rendered by us from freely licensed fonts; see LICENCES.md",
        content="character",
        style="typeface",
        reference="",
    )
