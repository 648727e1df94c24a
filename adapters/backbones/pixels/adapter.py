"""The identity as a frozen backbone."""

from torch import Tensor

from unbraid.adapters.backbones.pixels.config import PixelsConfig
from unbraid.core.config import config_to_dict
from unbraid.core.interfaces import Backbone, BackboneInfo, Decoder, Encoder, ImageSpec, LatentSpec, Posterior


class PixelEncoder(Encoder):
    """Pictures `(B, C, H, W)` in [0, 1] -> themselves."""

    def forward(self, x: Tensor) -> Posterior:
        """Give the pictures."""
        return Posterior(x)


class PixelDecoder(Decoder):
    """Latents `(B, C, H, W)` -> pictures: themselves, cut to [0, 1], which changes no picture."""

    def forward(self, z: Tensor) -> Tensor:
        """Cut to the range of pictures."""
        return z.clamp(0, 1)


def load(config: PixelsConfig) -> Backbone:
    """Make the backbone; its latents are kept as bytes."""
    info = BackboneInfo(
        adapter="pixels",
        input=ImageSpec(*config.shape),
        latent=LatentSpec(config.shape, storage="uint8"),
        inverse="exact",
        config=config_to_dict(config),
        source="no weights",
    )
    return Backbone(PixelEncoder(), PixelDecoder(), info)
