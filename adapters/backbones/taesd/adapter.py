"""A tiny autoencoder as a frozen backbone."""

from unbraid.adapters.backbones.taesd.config import STRIDE, TAESDConfig
from unbraid.adapters.backbones.taesd.model import TAESD
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec, LatentSpec
from unbraid.core.restoring import restore

NAME = "taesd"


def load(config: TAESDConfig) -> Backbone:
    """Make the backbone: with converted weights, or untrained where the config names none.

    Raises:
        ArtefactError: the weights are missing, damaged, or do not fit.
        ConfigError: the architecture that was asked for is not that of the weights.
    """
    model, origin = restore(NAME, config, TAESD)
    origin["config"]["size"] = size = config.size  # of the pictures: the network takes any
    info = BackboneInfo(
        adapter=NAME,
        input=ImageSpec(3, size, size),
        latent=LatentSpec((model.architecture.latent_channels, size // STRIDE, size // STRIDE)),
        **origin,
    )
    return Backbone(model.encoder, model.decoder, info)
