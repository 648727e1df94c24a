"""What the registry knows about ONNX backbones."""

from collections.abc import Iterable

from unbraid.registry import BackboneSpec, hookimpl


@hookimpl
def unbraid_backbones() -> Iterable[BackboneSpec]:
    """Declare the backbone."""
    yield BackboneSpec(
        name="onnx",
        target="unbraid.adapters.backbones.onnx.adapter:load",
        config="unbraid.adapters.backbones.onnx.config:OnnxConfig",
        convert="unbraid.adapters.backbones.onnx.convert:convert",
        summary="a frozen encoder, and a decoder if there is one, given as ONNX files; no gradients",
        reference="https://onnx.ai",
        suffixes=(".onnx",),
        licence="of the files you load",
    )
