"""What slices declare; imports nothing heavy."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(
        name="slice",
        target="unbraid.plugins.slice.model:Slice",
        config="unbraid.plugins.slice.config:SliceConfig",
        summary="takes ranges of the latent for factors, where a model was trained to keep them apart; nothing is trained",
        supervision="none",
        factors={"specified": "content", "unspecified": "style"},
        presets={"default": {}},
        licence="Apache-2.0",
    )
