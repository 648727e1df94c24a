"""A VAE as a frozen backbone."""

from pathlib import Path

from unbraid.adapters.backbones.vae.artefact import BUILTIN, fill, load_weights
from unbraid.adapters.backbones.vae.config import Architecture, VAEConfig
from unbraid.adapters.backbones.vae.model import VAE, build_vae
from unbraid.core.config import config_to_dict
from unbraid.core.errors import ConfigError
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec, LatentSpec


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
    _check_agreement(config, stored.architecture)
    vae = build_vae(stored.architecture)
    fill(vae, stored.tensors, config.weights)
    if config.weights.startswith(BUILTIN):
        where, source = config.weights, "comes with Unbraid"
    else:
        where = source = str(Path(config.weights).resolve())  # heads keep it, and are loaded from other folders
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


def _check_agreement(config: VAEConfig, architecture: Architecture) -> None:
    stored = config_to_dict(architecture)
    wrong = {name: value for name, value in config.given.items() if stored[name] != value}
    if wrong:
        raise ConfigError(
            f"vae: the weights {config.weights} are of another architecture",
            expected=", ".join(f"{name} {value}" for name, value in wrong.items()),
            found=", ".join(f"{name} {stored[name]}" for name in wrong),
            hint="leave the architecture out, or choose other weights",
        )
