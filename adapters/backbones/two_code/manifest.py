"""What the registry knows about the autoencoders with two codes."""

from collections.abc import Iterable

from unbraid.registry import BackboneSpec, hookimpl


@hookimpl
def unbraid_backbones() -> Iterable[BackboneSpec]:
    """Declare the backbone."""
    yield BackboneSpec(
        name="two_code",
        target="unbraid.adapters.backbones.two_code.adapter:load",
        config="unbraid.adapters.backbones.two_code.config:TwoCodeConfig",
        convert="unbraid.adapters.backbones.two_code.convert:convert",
        summary="published MNIST networks with an unspecified and a specified code (cycle-VAE, Mathieu, Szabo)",
        reference="Jha et al. 2018, arXiv:1804.10469; Mathieu et al. 2016, arXiv:1611.03383",
        licence="MIT (checkpoints of Jha et al.)",
    )
