"""Burgess et al.'s VAE as a frozen backbone."""

from unbraid.adapters.backbones.burgess_vae.config import BurgessVAEConfig
from unbraid.adapters.backbones.burgess_vae.model import BurgessVAE
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec, LatentSpec
from unbraid.core.restoring import restore

NAME = "burgess_vae"


def load(config: BurgessVAEConfig) -> Backbone:
    """Make the backbone: with converted weights, or untrained where the config names none.

    Raises:
        ArtefactError: the weights are missing, damaged, or do not fit.
        ConfigError: the architecture that was asked for is not that of the weights.
    """
    model, origin = restore(NAME, config, BurgessVAE)
    architecture = model.architecture
    info = BackboneInfo(
        adapter=NAME,
        input=ImageSpec(architecture.channels, architecture.size, architecture.size),
        latent=LatentSpec((architecture.width,), stochastic=True),
        **origin,
    )
    return Backbone(model.encoder, model.decoder, info)
