"""What the registry knows about the variable glyphs."""

from collections.abc import Iterable

from unbraid.registry import DatasetSpec, hookimpl


@hookimpl
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare the data set."""
    yield DatasetSpec(
        name="glyphs-variable",
        target="unbraid.adapters.datasets.glyphs_variable.adapter:load",
        config="unbraid.adapters.datasets.glyphs_variable.config:GlyphsVariableConfig",
        summary="letters and digits of Inconsolata at every weight and width, drawn when loaded (needs its font package)",
        licence="drawn from Inconsolata, OFL-1.1",
        content="character",
        requires=("fontpkg_inconsolata",),
    )
