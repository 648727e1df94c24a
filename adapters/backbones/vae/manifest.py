"""What the registry knows about the VAE."""

from collections.abc import Iterable

from unbraid.registry import BackboneSpec, hookimpl


@hookimpl
def unbraid_backbones() -> Iterable[BackboneSpec]:
    """Declare the backbone."""
    yield BackboneSpec(
        name="vae",
        target="unbraid.adapters.backbones.vae.adapter:load",
        config="unbraid.adapters.backbones.vae.config:VAEConfig",
        pretrain="unbraid.adapters.backbones.vae.pretrain:pretrain",
        pretrain_config="unbraid.adapters.backbones.vae.config:PretrainConfig",
        summary="a small convolutional VAE for square pictures; weights for the glyphs come with Unbraid",
        reference="Kingma and Welling 2014, arXiv:1312.6114",
        licence="Apache-2.0",
    )
