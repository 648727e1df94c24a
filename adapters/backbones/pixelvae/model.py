"""A gated PixelCNN given a latent: the likelihood of a black and white picture, and pictures drawn from it."""

from copy import deepcopy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from unbraid.adapters.backbones.pixelvae.config import Sampling
from unbraid.adapters.backbones.pixelvae.drawing import draw
from unbraid.adapters.backbones.pixelvae.layers import GatedLayer
from unbraid.core.interfaces import Draws, ImageSpec, LatentSpec
from unbraid.core.new_decoder import LatentDecoder

#: Below this a number of the latent hardly varies, and is not blown up.
STD_FLOOR = 1e-3
#: Pictures that are drawn at once: what the layers keep of more than that no longer fits a processor's cache.
CHUNK = 128


def binarised(x: Tensor) -> Tensor:
    """Make pictures black and white: 1 where a pixel is above a half.

    >>> binarised(torch.tensor([0.2, 0.5, 0.7]))
    tensor([0., 0., 1.])
    """
    return (x > 0.5).to(x.dtype)


class PixelDecoder(LatentDecoder):
    """`p(x | z)`, the product over pixels in reading order of the probability of each given those before it and z.

    Args:
        latent: of the encoder.
        image: what comes out; grey.
        layers: of both stacks.
        maps: channels of each.
        sampling: how `forward` makes a picture.
        sampling_seed: of its random numbers.
    """

    mean: Tensor
    std: Tensor
    uniforms: Tensor

    def __init__(
        self, latent: LatentSpec, image: ImageSpec, *, layers: int, maps: int, sampling: Sampling, sampling_seed: int
    ) -> None:
        super().__init__()
        size = (image.height, image.width)
        fixed = Draws(sampling_seed, "pixelvae", 0).uniform(*size) if sampling == "draw" else torch.full(size, 0.5)
        self.register_buffer("mean", torch.zeros(latent.width))
        self.register_buffer("std", torch.ones(latent.width))
        self.register_buffer("uniforms", fixed, persistent=False)
        first, rest = (GatedLayer(1, maps, latent.width, first=True), range(layers - 1))
        self.layers = nn.ModuleList([first, *(GatedLayer(maps, maps, latent.width, first=False) for _ in rest)])
        self.end = nn.Sequential(nn.ReLU(), nn.Conv2d(maps, maps, 1), nn.ReLU(), nn.Conv2d(maps, 1, 1))

    def start_from(self, mean: Tensor, variance: Tensor) -> None:
        """Take mean and variance of the training latents, each `(*latent)`."""
        self.mean.copy_(mean.flatten())
        self.std.copy_(variance.sqrt().clamp_min(STD_FLOOR).flatten())

    def logits(self, x: Tensor, z: Tensor) -> Tensor:
        """Give the logit of every pixel given the true ones before it, in one pass.

        Args:
            x: `(B, 1, H, W)`, zeros and ones.
            z: `(B, *latent)`.

        Returns:
            `(B, 1, H, W)`.
        """
        vertical = horizontal = 2 * x - 1
        standard = self._standard(z)
        for layer in self.layers:
            vertical, horizontal = layer(vertical, horizontal, standard)
        found: Tensor = self.end(horizontal)
        return found

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """Give `log p(x | z)` in nats, `(B,)`, of pictures of zeros and ones `(B, 1, H, W)` given latents."""
        found = functional.binary_cross_entropy_with_logits(self.logits(x, z), x, reduction="none")
        return -found.flatten(1).sum(1)

    @torch.no_grad()
    def draw(self, z: Tensor, uniforms: Tensor) -> Tensor:
        """Draw pictures `(B, 1, H, W)` of zeros and ones given latents `(B, *latent)`.

        Computed in float64: a probability that is rounded to the other side of its random number changes the pixel and
        all that follow, and with seven digits that happens, say in another batch.

        Args:
            z: the latents.
            uniforms: numbers in [0, 1), `(H, W)` for all or `(B, H, W)`.
        """
        exact = deepcopy(self).double()
        layers = cast("list[GatedLayer]", list(exact.layers))
        each = uniforms.double().expand(len(z), *uniforms.shape[-2:])
        parts = zip(torch.split(exact._standard(z.double()), CHUNK), torch.split(each, CHUNK), strict=True)
        return torch.cat([draw(layers, exact.end, *part) for part in parts]).to(z.dtype)

    def forward(self, z: Tensor) -> Tensor:
        """Draw a picture for each latent, always the same one for the same latent."""
        return self.draw(z, self.uniforms)

    def _standard(self, z: Tensor) -> Tensor:
        return (z.flatten(1) - self.mean) / self.std
