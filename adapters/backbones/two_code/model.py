"""The MNIST networks of Jha et al. 2018 (arXiv:1804.10469), which they also gave to the methods they compare with."""

import torch
from torch import Tensor, nn

from unbraid.adapters.backbones.two_code.config import Architecture
from unbraid.core.interfaces import Decoder, Encoder, Posterior
from unbraid.core.restoring import untrained

SIZE = 28
#: The specified code is a point: exp(-30 / 2) is nothing beside any code.
POINT = -30.0


class TwoCodeEncoder(Encoder):
    """Digits `(B, 1, 28, 28)` in [0, 1] -> posterior of `(B, unspecified + specified)`, the unspecified code first.

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.stages = nn.Sequential(*_down(1, 16), *_down(16, 32), *_down(32, 64))
        self.unspecified = nn.Linear(256, architecture.unspecified)
        self.log_variance = nn.Linear(256, architecture.unspecified) if architecture.stochastic else None
        self.specified = nn.Linear(256, architecture.specified)

    def forward(self, x: Tensor) -> Posterior:
        """Encode a batch of images."""
        features = self.stages(x).flatten(1)
        specified = self.specified(features)
        mean = torch.cat([self.unspecified(features), specified], dim=1)
        if self.log_variance is None:
            return Posterior(mean)
        return Posterior(mean, torch.cat([self.log_variance(features), torch.full_like(specified, POINT)], dim=1))


class TwoCodeDecoder(Decoder):
    """Latents `(B, unspecified + specified)` -> digits `(B, 1, 28, 28)` in (0, 1).

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.widths = [architecture.unspecified, architecture.specified]
        self.unspecified = nn.Linear(architecture.unspecified, 256)
        self.specified = nn.Linear(architecture.specified, 256)
        self.activation = nn.LeakyReLU(architecture.code_slope)
        slope = architecture.map_slope
        last = nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1)
        self.stages = nn.Sequential(*_up(128, 32, slope), *_up(32, 16, slope), last)

    def forward(self, z: Tensor) -> Tensor:
        """Decode a batch of latents."""
        unspecified, specified = torch.split(z, self.widths, dim=1)
        joined = torch.cat([self.unspecified(unspecified), self.specified(specified)], dim=1)
        pictures: Tensor = self.stages(self.activation(joined).unflatten(1, (128, 2, 2))).sigmoid()
        return pictures


class TwoCode(nn.Module):
    """Encoder and decoder in one module, as files keep them.

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.encoder = TwoCodeEncoder(architecture)
        self.decoder = TwoCodeDecoder(architecture)


def build(architecture: Architecture, seed: int = 0) -> TwoCode:
    """Make an untrained model; see `unbraid.core.restoring.untrained`."""
    return untrained(TwoCode, architecture, seed)


# The networks were trained, and measured, with the statistics of each picture: they never use running ones.
def _down(before: int, after: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 5, stride=2, padding=1), nn.InstanceNorm2d(after), nn.ReLU()]


def _up(before: int, after: int, slope: float) -> list[nn.Module]:
    return [nn.ConvTranspose2d(before, after, 4, stride=2), nn.InstanceNorm2d(after), nn.LeakyReLU(slope)]
