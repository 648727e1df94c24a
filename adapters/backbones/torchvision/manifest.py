"""What the registry knows about torchvision's models."""

from collections.abc import Iterable

from unbraid.registry import BackboneSpec, hookimpl


@hookimpl
def unbraid_backbones() -> Iterable[BackboneSpec]:
    """Declare the backbone."""
    yield BackboneSpec(
        name="torchvision",
        target="unbraid.adapters.backbones.torchvision.adapter:load",
        config="unbraid.adapters.backbones.torchvision.config:TorchvisionConfig",
        convert="unbraid.core.checkpoints:convert_plain",
        summary="any image classifier of torchvision, with its own preprocessing, tapped at any node; no decoder",
        reference="https://docs.pytorch.org/vision/stable/models.html",
        licence="of the weights you load",
        inverse="none",
        requires=("torchvision",),
    )


@hookimpl
def unbraid_adapt(model: object) -> object | None:
    """Wrap a model of torchvision that is alive already."""
    if not any(kind.__module__.startswith("torchvision.models.") for kind in type(model).__mro__):
        return None
    from unbraid.adapters.backbones.torchvision.adapter import adapt

    return adapt(model)
