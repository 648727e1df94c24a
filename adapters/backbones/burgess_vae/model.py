"""The networks of Burgess et al. 2018 (arXiv:1804.03599), appendix A, under the names published checkpoints use."""

from torch import Tensor, nn

from unbraid.adapters.backbones.burgess_vae.config import Architecture
from unbraid.core.interfaces import Decoder, Encoder, Posterior
from unbraid.core.restoring import untrained

CHANNELS = 32
HIDDEN = 256
#: Side of the smallest map: sizes are halved down to it.
SIDE = 4


class BurgessEncoder(Encoder):
    """Pictures `(B, C, S, S)` in [0, 1] -> posterior of `(B, width)`.

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.conv1 = _down(architecture.channels)
        self.conv2 = _down(CHANNELS)
        self.conv3 = _down(CHANNELS)
        self.conv_64 = _down(CHANNELS) if architecture.size == 64 else None
        self.lin1 = nn.Linear(CHANNELS * SIDE * SIDE, HIDDEN)
        self.lin2 = nn.Linear(HIDDEN, HIDDEN)
        self.mu_logvar_gen = nn.Linear(HIDDEN, 2 * architecture.width)

    def forward(self, x: Tensor) -> Posterior:
        """Encode a batch of images."""
        for stage in (self.conv1, self.conv2, self.conv3, self.conv_64):
            x = x if stage is None else stage(x).relu()
        features = self.lin2(self.lin1(x.flatten(1)).relu()).relu()
        # the last layer gives mean and log-variance of each latent side by side, not one block after the other
        mean, log_variance = self.mu_logvar_gen(features).unflatten(1, (-1, 2)).unbind(2)
        return Posterior(mean, log_variance)


class BurgessDecoder(Decoder):
    """Latents `(B, width)` -> pictures `(B, C, S, S)` in (0, 1).

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.lin1 = nn.Linear(architecture.width, HIDDEN)
        self.lin2 = nn.Linear(HIDDEN, HIDDEN)
        self.lin3 = nn.Linear(HIDDEN, CHANNELS * SIDE * SIDE)
        self.convT_64 = _up(CHANNELS) if architecture.size == 64 else None
        self.convT1 = _up(CHANNELS)
        self.convT2 = _up(CHANNELS)
        self.convT3 = _up(architecture.channels)

    def forward(self, z: Tensor) -> Tensor:
        """Decode a batch of latents."""
        for layer in (self.lin1, self.lin2, self.lin3):
            z = layer(z).relu()
        x = z.view(-1, CHANNELS, SIDE, SIDE)
        for stage in (self.convT_64, self.convT1, self.convT2):
            x = x if stage is None else stage(x).relu()
        pictures: Tensor = self.convT3(x).sigmoid()
        return pictures


class BurgessVAE(nn.Module):
    """Encoder and decoder in one module, as files keep them.

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.encoder = BurgessEncoder(architecture)
        self.decoder = BurgessDecoder(architecture)


def build(architecture: Architecture, seed: int = 0) -> BurgessVAE:
    """Make an untrained model; see `unbraid.core.restoring.untrained`."""
    return untrained(BurgessVAE, architecture, seed)


def _down(before: int) -> nn.Conv2d:
    return nn.Conv2d(before, CHANNELS, 4, stride=2, padding=1)


def _up(after: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(CHANNELS, after, 4, stride=2, padding=1)
