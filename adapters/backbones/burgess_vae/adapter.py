"""Burgess et al.'s VAE as a frozen backbone."""

from unbraid.adapters.backbones.burgess_vae.config import Architecture, BurgessVAEConfig
from unbraid.adapters.backbones.burgess_vae.model import BurgessVAE, build
from unbraid.core.config import build_config, config_to_dict
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec, LatentSpec
from unbraid.core.weights import check_agreement, fill, kept_place, load_weights

NAME = "burgess_vae"


def load(config: BurgessVAEConfig) -> Backbone:
    """Make the backbone: with converted weights, or untrained where the config names none.

    Raises:
        ArtefactError: the weights are missing, damaged, or do not fit.
        ConfigError: the architecture that was asked for is not that of the weights.
    """
    if config.weights is None:
        model = build(config.architecture(), config.seed)
        return _backbone(model, None, source=f"untrained, seed {config.seed}", seed=config.seed)
    stored = load_weights(config.weights, NAME)
    check_agreement(NAME, config.weights, config.given, stored.architecture)
    model = build(build_config(Architecture, stored.architecture, where="architecture"))
    fill(model, stored.tensors, config.weights)
    where = kept_place(config.weights)
    source = stored.source or where
    return _backbone(model, where, source=source, licence=stored.licence, trained_on=stored.trained_on)


def _backbone(
    model: BurgessVAE, weights: str | None, *, source: str, licence: str = "", trained_on: str = "", seed: int = 0
) -> Backbone:
    architecture = model.architecture
    again = {"seed": seed} if weights is None else {}
    info = BackboneInfo(
        adapter=NAME,
        input=ImageSpec(architecture.channels, architecture.size, architecture.size),
        latent=LatentSpec((architecture.width,), stochastic=True),
        config={"weights": weights, **config_to_dict(architecture), **again},
        licence=licence,
        source=source,
        trained_on=trained_on,
    )
    model.eval()
    return Backbone(model.encoder, model.decoder, info)
