"""A VAE as a frozen backbone."""

from unbraid.adapters.backbones.vae.artefact import BUILTIN, load_weights
from unbraid.adapters.backbones.vae.config import VAEConfig
from unbraid.adapters.backbones.vae.model import VAE, build_vae
from unbraid.core.config import config_to_dict
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec, LatentSpec
from unbraid.core.weights import check_agreement, fill, kept_place


def load(config: VAEConfig) -> Backbone:
    """Make the backbone: with weights, or untrained where the config names none.

    Raises:
        ArtefactError: the weights are missing, damaged, or do not fit.
        ConfigError: the architecture that was asked for is not that of the weights.
    """
    if config.weights is None:
        vae = build_vae(config.architecture(), config.seed)
        return as_backbone(vae, weights=None, source=f"untrained, seed {config.seed}", seed=config.seed)
    stored = load_weights(config.weights)
    check_agreement("vae", config.weights, config.given, config_to_dict(stored.architecture))
    vae = build_vae(stored.architecture)
    fill(vae, stored.tensors, config.weights)
    if config.weights.startswith(BUILTIN):
        where, source = config.weights, "comes with Unbraid"
    else:
        where = source = kept_place(config.weights)
    return as_backbone(vae, where, source=source, licence=stored.licence, trained_on=stored.trained_on)


def as_backbone(
    vae: VAE, weights: str | None, *, source: str, licence: str = "", trained_on: str = "", seed: int = 0
) -> Backbone:
    """Wrap a VAE; `seed` brings one without weights back."""
    architecture = vae.architecture
    again = {"seed": seed} if weights is None else {}
    info = BackboneInfo(
        adapter="vae",
        input=ImageSpec(architecture.channels, architecture.size, architecture.size),
        latent=LatentSpec((architecture.width,), stochastic=True),
        inverse="amortised",
        prior="normal",
        config={"weights": weights, **config_to_dict(architecture), **again},
        licence=licence,
        source=source,
        trained_on=trained_on,
    )
    backbone = Backbone(vae.encoder, vae.decoder, info)
    vae.eval()  # the wrapper leaves modes alone; batch norm must not learn from whoever encodes
    return backbone
