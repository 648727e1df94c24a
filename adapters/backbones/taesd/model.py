"""The networks of the TAESD family: plain residual convolutions, three halvings down and three doublings up."""

from torch import Tensor, nn

from unbraid.adapters.backbones.taesd.config import Architecture
from unbraid.core.interfaces import Decoder, Encoder, Posterior
from unbraid.core.restoring import untrained

WIDTH = 64
#: Latents are squashed into (-3, 3) before they are decoded.
BOUND = 3.0


class Block(nn.Module):
    """A residual block `(B, 64, H, W)` -> the same shape; `pooled` adds a branch whose group norm sees the whole map."""

    def __init__(self, pooled: bool) -> None:
        super().__init__()
        convolutions = [nn.Conv2d(WIDTH, WIDTH, 3, padding=1) for _ in range(3)]
        self.conv = nn.Sequential(convolutions[0], nn.ReLU(), convolutions[1], nn.ReLU(), convolutions[2])
        self.pool = _branch() if pooled else None

    def forward(self, x: Tensor) -> Tensor:
        """Run the block."""
        if self.pool is not None:
            x = x + self.pool(x)
        out: Tensor = (self.conv(x) + x).relu()
        return out


class TAESDEncoder(Encoder):
    """Images `(B, 3, H, W)` in [0, 1] -> latents `(B, L, H / 8, W / 8)`, about within (-3, 3).

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        pooled = architecture.pooled
        self.layers = nn.Sequential(
            nn.Conv2d(3, WIDTH, 3, padding=1),
            Block(False),
            *[_halve(), Block(False), Block(False), Block(False)],
            *[_halve(), Block(False), Block(False), Block(False)],
            *[_halve(), Block(pooled), Block(pooled), Block(pooled)],
            nn.Conv2d(WIDTH, architecture.latent_channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Posterior:
        """Encode a batch of images."""
        return Posterior(self.layers(x))


class TAESDDecoder(Decoder):
    """Latents `(B, L, h, w)` -> images `(B, 3, 8 h, 8 w)` in [0, 1].

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        pooled = architecture.pooled
        self.layers = nn.Sequential(
            Squash(),
            nn.Conv2d(architecture.latent_channels, WIDTH, 3, padding=1),
            nn.ReLU(),
            *[Block(pooled), Block(pooled), Block(pooled), nn.Upsample(scale_factor=2), _convolution()],
            *[Block(False), Block(False), Block(False), nn.Upsample(scale_factor=2), _convolution()],
            *[Block(False), Block(False), Block(False), nn.Upsample(scale_factor=2), _convolution()],
            Block(False),
            nn.Conv2d(WIDTH, 3, 3, padding=1),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Decode a batch of latents."""
        images: Tensor = self.layers(z).clamp(0, 1)
        return images


class Squash(nn.Module):
    """Latents into (-3, 3), smoothly."""

    def forward(self, z: Tensor) -> Tensor:
        """Squash a batch of latents."""
        return (z / BOUND).tanh() * BOUND


class TAESD(nn.Module):
    """Encoder and decoder in one module, as files keep them.

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.encoder = TAESDEncoder(architecture)
        self.decoder = TAESDDecoder(architecture)


def build(architecture: Architecture, seed: int = 0) -> TAESD:
    """Make an untrained model; see `unbraid.core.restoring.untrained`."""
    return untrained(TAESD, architecture, seed)


def _halve() -> nn.Conv2d:
    return nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1, bias=False)


def _convolution() -> nn.Conv2d:
    return nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)


def _branch() -> nn.Sequential:
    wide = 4 * WIDTH
    return nn.Sequential(
        nn.Conv2d(WIDTH, wide, 1, bias=False), nn.GroupNorm(4, wide), nn.ReLU(), nn.Conv2d(wide, WIDTH, 1, bias=False)
    )
