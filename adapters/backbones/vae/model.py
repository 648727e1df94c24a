"""A small convolutional variational autoencoder (Kingma and Welling 2014, arXiv:1312.6114)."""

from itertools import pairwise

from torch import Tensor, nn

from unbraid.adapters.backbones.vae.config import Architecture
from unbraid.core.interfaces import Decoder, Encoder, Posterior
from unbraid.core.restoring import untrained

#: Halving stops here: the rest is one linear layer.
SMALLEST_MAP = 4
#: Keeps the variance of the posterior within what float32 can divide by.
LOG_VARIANCE_RANGE = (-12.0, 6.0)


def stage_sizes(size: int) -> list[int]:
    """Give the side of the picture before each stage and after the last one; a stage halves it, rounding up.

    >>> stage_sizes(28), stage_sizes(33)
    ([28, 14, 7, 4], [33, 17, 9, 5, 3])
    """
    sizes = [size]
    while sizes[-1] > SMALLEST_MAP:
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def stage_channels(architecture: Architecture) -> list[int]:
    """Give the channels of the picture and after each stage: `base`, then twice that."""
    stages = len(stage_sizes(architecture.size)) - 1
    return [architecture.channels, architecture.base, *[2 * architecture.base] * (stages - 1)]


class VAEEncoder(Encoder):
    """Pictures `(B, C, S, S)` in [0, 1] -> posterior of `(B, width)`, a diagonal Gaussian.

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        channels, side = stage_channels(architecture), stage_sizes(architecture.size)[-1]
        self.stages = nn.Sequential(*[_down(a, b) for a, b in pairwise(channels)])
        self.mean = nn.Linear(channels[-1] * side * side, architecture.width)
        self.log_variance = nn.Linear(channels[-1] * side * side, architecture.width)

    def forward(self, x: Tensor) -> Posterior:
        """Encode a batch of images."""
        features = self.stages(x - 0.5).flatten(1)
        return Posterior(self.mean(features), self.log_variance(features).clamp(*LOG_VARIANCE_RANGE))


class VAEDecoder(Decoder):
    """Latents `(B, width)` -> pictures `(B, C, S, S)` in (0, 1).

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        channels, sizes = stage_channels(architecture)[::-1], stage_sizes(architecture.size)[::-1]
        self.shape = (channels[0], sizes[0], sizes[0])
        self.spread = nn.Sequential(nn.Linear(architecture.width, channels[0] * sizes[0] ** 2), nn.SiLU())
        steps = list(zip(channels, channels[1:], sizes, sizes[1:], strict=False))
        self.stages = nn.Sequential(*[_up(*step) for step in steps[:-1]], _enlarge(*steps[-1]))

    def logits(self, z: Tensor) -> Tensor:
        """Give the log-odds of the pixels, `(B, C, S, S)`: what the Bernoulli likelihood is computed from."""
        logits: Tensor = self.stages(self.spread(z).unflatten(1, self.shape))
        return logits

    def forward(self, z: Tensor) -> Tensor:
        """Decode a batch of latents."""
        return self.logits(z).sigmoid()


class VAE(nn.Module):
    """Encoder and decoder in one module, as training moves and files keep them.

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.encoder = VAEEncoder(architecture)
        self.decoder = VAEDecoder(architecture)


def build_vae(architecture: Architecture, seed: int = 0) -> VAE:
    """Make an untrained VAE; see `unbraid.core.restoring.untrained`."""
    return untrained(VAE, architecture, seed)


def _down(before: int, after: int) -> nn.Sequential:
    # padding 1 under a 3 x 3 kernel of stride 2: the side is halved, rounding up
    return nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.SiLU())


def _up(before: int, after: int, small: int, large: int) -> nn.Sequential:
    return nn.Sequential(_enlarge(before, after, small, large, bias=False), nn.BatchNorm2d(after), nn.SiLU())


def _enlarge(before: int, after: int, small: int, large: int, bias: bool = True) -> nn.ConvTranspose2d:
    # The exact inverse of the halving: 2 * small - 1 + output_padding, which is 0 for odd sides and 1 for even ones.
    padding = large - (2 * small - 1)
    return nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=padding, bias=bias)
