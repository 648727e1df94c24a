"""What the registry knows about the autoregressive decoder."""

from collections.abc import Iterable

from unbraid.registry import BackboneSpec, hookimpl


@hookimpl
def unbraid_backbones() -> Iterable[BackboneSpec]:
    """Declare the backbone."""
    yield BackboneSpec(
        name="pixelvae",
        target="unbraid.adapters.backbones.pixelvae.adapter:load",
        config="unbraid.adapters.backbones.pixelvae.config:PixelVAEConfig",
        pretrain="unbraid.adapters.backbones.pixelvae.pretrain:pretrain",
        pretrain_config="unbraid.adapters.backbones.pixelvae.config:PretrainConfig",
        summary="any other backbone of grey pictures with a decoder that draws pixel by pixel; slow, no gradients",
        reference="Gulrajani et al. 2017, arXiv:1611.05013",
        licence="Apache-2.0; the encoder has its own",
    )
