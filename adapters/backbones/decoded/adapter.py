"""Another backbone's encoder and a decoder of its own as a frozen backbone."""

from unbraid.adapters.backbones.decoded.config import Architecture, DecodedConfig
from unbraid.adapters.backbones.decoded.model import FeatureDecoder
from unbraid.core.interfaces import Backbone
from unbraid.core.new_decoder import JoinedBackbone, restore_decoder


def load(config: DecodedConfig) -> Backbone:
    """Make the backbone: with a trained decoder, or an untrained one where the config names no weights.

    Raises:
        ArtefactError: weights of encoder or decoder are missing, damaged, or do not fit.
        BackboneMismatchError: the decoder was trained on another encoder.
        ConfigError: the decoder that was asked for is not that of the weights.
    """
    return JoinedBackbone(*restore_decoder(config, Architecture, decoder_for))


def decoder_for(whole: Backbone, architecture: Architecture) -> FeatureDecoder:
    """Make a decoder for the latents and pictures of a backbone."""
    return FeatureDecoder(whole.info.latent, whole.info.input, architecture.base)
