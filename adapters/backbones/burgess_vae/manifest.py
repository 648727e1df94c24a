"""What the registry knows about Burgess et al.'s VAE."""

from collections.abc import Iterable

from unbraid.registry import BackboneSpec, hookimpl


@hookimpl
def unbraid_backbones() -> Iterable[BackboneSpec]:
    """Declare the backbone."""
    yield BackboneSpec(
        name="burgess_vae",
        target="unbraid.adapters.backbones.burgess_vae.adapter:load",
        config="unbraid.adapters.backbones.burgess_vae.config:BurgessVAEConfig",
        convert="unbraid.adapters.backbones.burgess_vae.convert:convert",
        summary="published VAE, beta-VAE, beta-TCVAE and FactorVAE checkpoints of 32 or 64 pixels",
        reference="Burgess et al. 2018, arXiv:1804.03599",
        licence="MIT (checkpoints of Dubois et al.)",
    )
