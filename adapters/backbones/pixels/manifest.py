"""What the registry knows about pixels as latents."""

from collections.abc import Iterable

from unbraid.registry import BackboneSpec, hookimpl


@hookimpl
def unbraid_backbones() -> Iterable[BackboneSpec]:
    """Declare the backbone."""
    yield BackboneSpec(
        name="pixels",
        target="unbraid.adapters.backbones.pixels.adapter:load",
        config="unbraid.adapters.backbones.pixels.config:PixelsConfig",
        summary="no model at all: the latent is the picture, for methods that their papers train end to end",
        licence="Apache-2.0",
        inverse="exact",
    )
