"""What the registry knows about the autoencoders of diffusers."""

from collections.abc import Iterable

from unbraid.registry import BackboneSpec, hookimpl

_HOME = "unbraid.adapters.backbones.diffusers"


@hookimpl
def unbraid_backbones() -> Iterable[BackboneSpec]:
    """Declare one backbone for each kind of autoencoder."""
    yield BackboneSpec(
        name="autoencoder_kl",
        target=f"{_HOME}.adapter:load_kl",
        config=f"{_HOME}.config:AutoencoderKLConfig",
        summary="the VAE of Stable Diffusion and its kin (diffusers AutoencoderKL), from a folder or the hub",
        reference="Rombach et al. 2022, arXiv:2112.10752",
        licence="of the weights you load",
        requires=("diffusers",),
    )
    yield BackboneSpec(
        name="autoencoder_tiny",
        target=f"{_HOME}.adapter:load_tiny",
        config=f"{_HOME}.config:AutoencoderTinyConfig",
        summary="tiny autoencoders in the layout of diffusers (AutoencoderTiny), from a folder or the hub",
        reference="https://github.com/madebyollin/taesd",
        licence="of the weights you load",
        requires=("diffusers",),
    )
    yield BackboneSpec(
        name="autoencoder_rae",
        target=f"{_HOME}.adapter:load_rae",
        config=f"{_HOME}.config:AutoencoderRAEConfig",
        summary="representation autoencoder: a frozen vision transformer and a decoder (diffusers AutoencoderRAE)",
        reference="Zheng et al. 2025, arXiv:2510.11690",
        licence="of the weights you load",
        requires=("diffusers", "transformers"),
    )


@hookimpl
def unbraid_adapt(model: object) -> object | None:
    """Wrap an autoencoder of diffusers that is alive already."""
    if not any(kind.__module__.startswith("diffusers.") for kind in type(model).__mro__):
        return None
    from unbraid.adapters.backbones.diffusers.adapter import adapt

    return adapt(model)
