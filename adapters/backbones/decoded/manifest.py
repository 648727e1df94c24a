"""What the registry knows about decoders for encoder-only backbones."""

from collections.abc import Iterable

from unbraid.registry import BackboneSpec, hookimpl


@hookimpl
def unbraid_backbones() -> Iterable[BackboneSpec]:
    """Declare the backbone."""
    yield BackboneSpec(
        name="decoded",
        target="unbraid.adapters.backbones.decoded.adapter:load",
        config="unbraid.adapters.backbones.decoded.config:DecodedConfig",
        pretrain="unbraid.adapters.backbones.decoded.pretrain:pretrain",
        pretrain_config="unbraid.adapters.backbones.decoded.config:PretrainConfig",
        summary="any other backbone with a small decoder trained on its frozen features, so that swaps can be looked at",
        licence="Apache-2.0; the encoder has its own",
    )
