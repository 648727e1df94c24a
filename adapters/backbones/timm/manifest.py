"""What the registry knows about timm's encoders."""

from collections.abc import Iterable

from unbraid.registry import BackboneSpec, hookimpl


@hookimpl
def unbraid_backbones() -> Iterable[BackboneSpec]:
    """Declare the backbone."""
    yield BackboneSpec(
        name="timm",
        target="unbraid.adapters.backbones.timm.adapter:load",
        config="unbraid.adapters.backbones.timm.config:TimmConfig",
        convert="unbraid.core.checkpoints:convert_plain",
        summary="any encoder of timm, with its own preprocessing; pooled features, tokens or a map; no decoder",
        reference="https://github.com/huggingface/pytorch-image-models",
        licence="of the weights you load",
        inverse="none",
        requires=("timm",),
    )


@hookimpl
def unbraid_adapt(model: object) -> object | None:
    """Wrap a model of timm that is alive already."""
    if not any(kind.__module__.startswith("timm.models.") for kind in type(model).__mro__):
        return None
    from unbraid.adapters.backbones.timm.adapter import adapt

    return adapt(model)
