"""An autoencoder with two codes as a frozen backbone."""

from unbraid.adapters.backbones.two_code.config import TwoCodeConfig
from unbraid.adapters.backbones.two_code.model import SIZE, TwoCode
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec, LatentSpec
from unbraid.core.restoring import restore

NAME = "two_code"


def load(config: TwoCodeConfig) -> Backbone:
    """Make the backbone: with converted weights, or untrained where the config names none.

    Raises:
        ArtefactError: the weights are missing, damaged, or do not fit.
        ConfigError: the architecture that was asked for is not that of the weights.
    """
    model, origin = restore(NAME, config, TwoCode)
    architecture = model.architecture
    info = BackboneInfo(
        adapter=NAME,
        input=ImageSpec(1, SIZE, SIZE),
        latent=LatentSpec((architecture.unspecified + architecture.specified,), stochastic=architecture.stochastic),
        **origin,
    )
    return Backbone(model.encoder, model.decoder, info)
