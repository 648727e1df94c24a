"""ALI or BiGAN as a frozen backbone."""

from unbraid.adapters.backbones.ali.config import ALIConfig, Architecture
from unbraid.adapters.backbones.ali.model import ALI, build_ali
from unbraid.core.config import build_config, config_to_dict
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec, LatentSpec
from unbraid.core.weights import check_agreement, fill, kept_place, load_weights


def load(config: ALIConfig) -> Backbone:
    """Make the backbone: with weights, or untrained where the config names none.

    Raises:
        ArtefactError: the weights are missing, damaged, or do not fit.
        ConfigError: the architecture that was asked for is not that of the weights.
    """
    if config.weights is None:
        ali = build_ali(config.architecture(), config.seed)
        return _as_backbone(config.adapter, ali, None, source=f"untrained, seed {config.seed}", seed=config.seed)
    stored = load_weights(config.weights, config.adapter)
    check_agreement(config.adapter, config.weights, config.given, stored.architecture)
    ali = build_ali(build_config(Architecture, stored.architecture, where="architecture"))
    fill(ali.kept(), stored.tensors, config.weights)
    where = kept_place(config.weights)
    return _as_backbone(config.adapter, ali, where, licence=stored.licence, source=where, trained_on=stored.trained_on)


def _as_backbone(
    adapter: str, ali: ALI, weights: str | None, *, source: str, licence: str = "", trained_on: str = "", seed: int = 0
) -> Backbone:
    architecture = ali.architecture
    settings = config_to_dict(architecture)
    del settings["encoder"]  # the adapter's name says it
    info = BackboneInfo(
        adapter=adapter,
        input=ImageSpec(architecture.channels, architecture.size, architecture.size),
        latent=LatentSpec((architecture.width,), stochastic=architecture.encoder == "gaussian"),
        inverse="amortised",
        config={"weights": weights, **settings, **({"seed": seed} if weights is None else {})},
        prior=architecture.prior,
        licence=licence,
        source=source,
        trained_on=trained_on,
    )
    kept = ali.kept().eval()  # the wrapper leaves modes alone; batch norm must not learn from whoever encodes
    return Backbone(kept["encoder"], kept["decoder"], info)
