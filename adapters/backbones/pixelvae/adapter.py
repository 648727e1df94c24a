"""Another backbone's encoder and an autoregressive decoder as a frozen backbone."""

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from unbraid.adapters.backbones.pixelvae.config import Architecture, PixelVAEConfig
from unbraid.adapters.backbones.pixelvae.model import PixelDecoder, binarised
from unbraid.core.errors import CapabilityError, ConfigError, DataError
from unbraid.core.images import as_images
from unbraid.core.interfaces import Backbone, Posterior
from unbraid.core.new_decoder import JoinedBackbone, restore_decoder


class PixelVAEBackbone(JoinedBackbone):
    """Decodes by drawing one pixel after the other, through which no gradient flows and which no graph can hold."""

    def posterior(self, x: Tensor) -> Posterior:
        """Encode images to the posterior of their latents; without gradients, as the decoder has none."""
        with torch.no_grad():
            return super().posterior(x)

    @torch.no_grad()
    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """Give `log p(x | z)` of pictures given latents, in nats: of all pixels of the picture made black and white.

        Args:
            x: `(B, 1, H, W)` in [0, 1], or uint8; a pixel is white above a half.
            z: `(B, *latent)`.

        Returns:
            `(B,)`, at most 0.

        Raises:
            ImageError: the pictures do not fit the backbone.
            DataError: the latents do not, or are not as many.
        """
        pictures = binarised(as_images(x, self.info.input))
        wanted = (len(pictures), *self.info.latent.shape)
        if tuple(z.shape) != wanted:
            raise DataError("latents that do not fit the pictures", expected=wanted, found=tuple(z.shape))
        assert isinstance(self.decoder, PixelDecoder)
        with self.frozen():
            return self.decoder.log_likelihood(pictures, z)

    def graph(self, stage: Literal["encode", "decode"]) -> nn.Module | bytes:
        """Give what export writes for a stage.

        Raises:
            CapabilityError: of `decode`.
        """
        if stage == "decode":
            raise CapabilityError(
                "pixelvae draws pictures one pixel after the other, which no graph can hold",
                expected="a decoder of one pass",
                found=f"a loop of {self.info.input.height * self.info.input.width} steps",
                hint="serve factors without pictures, or train the backbone `decoded` for the same encoder",
            )
        return super().graph(stage)


def load(config: PixelVAEConfig) -> Backbone:
    """Make the backbone: with a trained decoder, or an untrained one where the config names no weights.

    Raises:
        ArtefactError: weights of encoder or decoder are missing, damaged, or do not fit.
        BackboneMismatchError: the decoder was trained on another encoder.
        ConfigError: the pictures are not grey, or the decoder that was asked for is not that of the weights.
    """
    whole, decoder, info = restore_decoder(
        config, Architecture, lambda whole, architecture: decoder_for(whole, architecture, config)
    )
    sampling = {"sampling": config.sampling, "sampling_seed": config.sampling_seed}
    stated = replace(info, capabilities=frozenset({"decode"}), config={**info.config, **sampling})
    return PixelVAEBackbone(whole, decoder, stated)


def decoder_for(whole: Backbone, architecture: Architecture, config: PixelVAEConfig) -> PixelDecoder:
    """Make a decoder for the latents and pictures of a backbone.

    Raises:
        ConfigError: the pictures are not grey.
    """
    image = whole.info.input
    if image.channels != 1:
        raise ConfigError(
            "pixelvae: the pictures must be grey", expected="1 x H x W", found=image, hint="`decoded` takes colour"
        )
    return PixelDecoder(
        whole.info.latent,
        image,
        layers=architecture.layers,
        maps=architecture.maps,
        sampling=config.sampling,
        sampling_seed=config.sampling_seed,
    )
