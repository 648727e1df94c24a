"""A flow as a frozen backbone."""

from unbraid.adapters.backbones.flow.config import FlowConfig
from unbraid.adapters.backbones.flow.model import Flow, FlowDecoder, FlowEncoder
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec, LatentSpec
from unbraid.core.restoring import restore


def load(config: FlowConfig) -> Backbone:
    """Make the backbone: with weights, or untrained where the config names none.

    Raises:
        ArtefactError: the weights are missing, damaged, or do not fit.
        ConfigError: the architecture that was asked for is not that of the weights.
    """
    flow, origin = restore("flow", config, Flow)
    architecture = flow.architecture
    side = architecture.size // 4
    info = BackboneInfo(
        adapter="flow",
        input=ImageSpec(architecture.channels, architecture.size, architecture.size),
        latent=LatentSpec((16 * architecture.channels, side, side)),
        inverse="exact",
        prior="normal",
        **origin,
    )
    return Backbone(FlowEncoder(flow), FlowDecoder(flow), info)
