"""ALI or BiGAN as a frozen backbone."""

from unbraid.adapters.backbones.ali.config import ALIConfig
from unbraid.adapters.backbones.ali.model import ALI
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec, LatentSpec
from unbraid.core.restoring import restore


def load(config: ALIConfig) -> Backbone:
    """Make the backbone: with weights, or untrained where the config names none.

    Raises:
        ArtefactError: the weights are missing, damaged, or do not fit.
        ConfigError: the architecture that was asked for is not that of the weights.
    """
    ali, origin = restore(config.adapter, config, ALI, kept=ALI.kept)
    architecture = ali.architecture
    del origin["config"]["encoder"]  # the adapter's name says it
    info = BackboneInfo(
        adapter=config.adapter,
        input=ImageSpec(architecture.channels, architecture.size, architecture.size),
        latent=LatentSpec((architecture.width,), stochastic=architecture.encoder == "gaussian"),
        prior=architecture.prior,
        **origin,
    )
    kept = ali.kept()
    return Backbone(kept["encoder"], kept["decoder"], info)
