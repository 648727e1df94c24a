"""What the registry knows about the TAESD family."""

from collections.abc import Iterable

from unbraid.registry import BackboneSpec, hookimpl


@hookimpl
def unbraid_backbones() -> Iterable[BackboneSpec]:
    """Declare the backbone."""
    yield BackboneSpec(
        name="taesd",
        target="unbraid.adapters.backbones.taesd.adapter:load",
        config="unbraid.adapters.backbones.taesd.config:TAESDConfig",
        convert="unbraid.adapters.backbones.taesd.convert:convert",
        summary="tiny autoencoders of natural images (TAESD, TAESDXL, TAESD3, TAEF1, TAEF2) from their author's files",
        reference="https://github.com/madebyollin/taesd",
        licence="MIT (checkpoints of O. Boer Bohan)",
    )
