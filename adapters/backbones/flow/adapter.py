"""A flow as a frozen backbone."""

from unbraid.adapters.backbones.flow.config import Architecture, FlowConfig
from unbraid.adapters.backbones.flow.model import Flow, FlowDecoder, FlowEncoder, build_flow
from unbraid.core.config import build_config, config_to_dict
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec, LatentSpec
from unbraid.core.weights import check_agreement, fill, kept_place, load_weights


def load(config: FlowConfig) -> Backbone:
    """Make the backbone: with weights, or untrained where the config names none.

    Raises:
        ArtefactError: the weights are missing, damaged, or do not fit.
        ConfigError: the architecture that was asked for is not that of the weights.
    """
    if config.weights is None:
        flow = build_flow(config.architecture(), config.seed)
        return _as_backbone(flow, None, source=f"untrained, seed {config.seed}", seed=config.seed)
    stored = load_weights(config.weights, "flow")
    check_agreement("flow", config.weights, config.given, stored.architecture)
    flow = build_flow(build_config(Architecture, stored.architecture, where="architecture"))
    fill(flow, stored.tensors, config.weights)
    where = kept_place(config.weights)
    return _as_backbone(flow, where, source=where, licence=stored.licence, trained_on=stored.trained_on)


def _as_backbone(
    flow: Flow, weights: str | None, *, source: str, licence: str = "", trained_on: str = "", seed: int = 0
) -> Backbone:
    architecture = flow.architecture
    side = architecture.size // 4
    info = BackboneInfo(
        adapter="flow",
        input=ImageSpec(architecture.channels, architecture.size, architecture.size),
        latent=LatentSpec((16 * architecture.channels, side, side)),
        inverse="exact",
        config={"weights": weights, **config_to_dict(architecture), **({"seed": seed} if weights is None else {})},
        prior="normal",
        licence=licence,
        source=source,
        trained_on=trained_on,
    )
    flow.eval()
    return Backbone(FlowEncoder(flow), FlowDecoder(flow), info)
