"""Encoder, decoder and discriminator of ALI (Dumoulin et al. 2017) and BiGAN (Donahue et al. 2017)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from unbraid.adapters.backbones.ali.config import Architecture
from unbraid.adapters.backbones.ali.tables import Layers, Row, layers_of
from unbraid.core.interfaces import Decoder, Encoder, Posterior
from unbraid.core.restoring import untrained

#: Share of the new batch in the running statistics.
MOMENTUM = 0.05
#: Standard deviation of the initial weights.
WEIGHT_STD = 0.01


class ALIEncoder(Encoder):
    """Pictures `(B, C, S, S)` in [0, 1] -> posterior of `(B, width)`: a diagonal Gaussian, or a point.

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        layers = layers_of(architecture)
        self.gaussian = architecture.encoder == "gaussian"
        self.stages = _convolutions(architecture.channels, layers.encoder, layers.slope)
        self.last = nn.Linear(layers.encoder[-1].maps, architecture.width * (2 if self.gaussian else 1))

    def forward(self, x: Tensor) -> Posterior:
        """Encode a batch of images; the last layer gives mean and logarithm of the standard deviation."""
        found = self.last(self.stages(x).flatten(1))
        if not self.gaussian:
            return Posterior(found)
        mean, log_std = found.chunk(2, dim=1)
        return Posterior(mean, 2 * log_std)


class ALIDecoder(Decoder):
    """Latents `(B, width)` -> pictures `(B, C, S, S)` in (0, 1).

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        layers, size = layers_of(architecture), architecture.size
        self.stages = _transposed(architecture.width, layers.decoder, layers.decoder_slope)
        self.last = _last(layers.decoder[-1].maps, layers.last)
        self.bias = nn.Parameter(torch.zeros(architecture.channels, size, size))

    def forward(self, z: Tensor) -> Tensor:
        """Decode a batch of latents; the bias of the last layer has a number for every pixel."""
        logits: Tensor = self.last(self.stages(z[:, :, None, None])) + self.bias
        return logits.sigmoid()


class PairDiscriminator(nn.Module):
    """Pictures `(B, C, S, S)` and latents `(B, width)` -> logits `(B,)` that a pair is of the encoder.

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        layers = layers_of(architecture)
        pixels = architecture.channels * architecture.size**2
        self.picture = _judging_pictures(architecture.channels, layers)
        first, later, _ = layers.dropout
        latent = (architecture.width, *layers.latent)
        self.latent = _judging(latent, layers, (first, later), bias=layers.latent_bias)
        seen = (layers.picture[-1].maps if layers.picture else pixels) + latent[-1]
        joint = layers.dropout[2]
        self.joint = _judging((seen, *layers.joint), layers, (joint, joint), bias=True, norm_last=layers.joint_norm)
        self.last = nn.Sequential(*_dropout(joint), nn.Linear(layers.joint[-1], 1))

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """Judge pairs."""
        seen = torch.cat([self.picture(x).flatten(1), self.latent(z)], dim=1)
        logits: Tensor = self.last(self.joint(seen)).squeeze(1)
        return logits


class ALI(nn.Module):
    """The three networks in one module, as training moves them.

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.encoder = ALIEncoder(architecture)
        self.decoder = ALIDecoder(architecture)
        self.discriminator = PairDiscriminator(architecture)
        for name, parameter in self.named_parameters():
            if parameter.ndim >= 2 and name != "decoder.bias":
                nn.init.normal_(parameter, std=WEIGHT_STD)
            elif not name.endswith("weight"):  # what is left of weights is batch norm's, which starts at one
                nn.init.zeros_(parameter)

    def kept(self) -> nn.ModuleDict:
        """Give what is kept when training is over: encoder and decoder."""
        return nn.ModuleDict({"encoder": self.encoder, "decoder": self.decoder})


class Maxout(nn.Module):
    """The largest of each `pieces` neighbouring channels: `(B, pieces * C, ...)` -> `(B, C, ...)`.

    >>> Maxout(2)(torch.tensor([[1.0, 3.0, 2.0, 0.0]]))
    tensor([[3., 2.]])
    """

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """Take the maxima."""
        return x.view(x.shape[0], -1, self.pieces, *x.shape[2:]).amax(2)


def build_ali(architecture: Architecture, seed: int = 0) -> ALI:
    """Make untrained networks; see `unbraid.core.restoring.untrained`."""
    return untrained(ALI, architecture, seed)


@torch.no_grad()
def start_from_mean(decoder: ALIDecoder, pictures: Tensor) -> None:
    """Set the bias of every pixel to the log-odds of its mean: the untrained decoder then gives the mean picture.

    Args:
        decoder: of pictures `(C, S, S)`.
        pictures: `(B, C, S, S)` in [0, 1].
    """
    decoder.bias.copy_(pictures.mean(0).clamp(1e-3, 1 - 1e-3).logit())


def _convolutions(channels: int, rows: Sequence[Row], slope: float) -> nn.Sequential:
    stages: list[nn.Module] = []
    for before, row in zip((channels, *(row.maps for row in rows)), rows, strict=False):
        stages.append(nn.Conv2d(before, row.maps, row.kernel, row.stride, row.padding, bias=row.bias))
        stages += [*_norm(row), nn.LeakyReLU(slope)]
    return nn.Sequential(*stages)


def _transposed(width: int, rows: Sequence[Row], slope: float) -> nn.Sequential:
    stages: list[nn.Module] = []
    for before, row in zip((width, *(row.maps for row in rows)), rows, strict=False):
        stages.append(nn.ConvTranspose2d(before, row.maps, row.kernel, row.stride, row.padding, bias=row.bias))
        stages += [*_norm(row), nn.LeakyReLU(slope)]
    return nn.Sequential(*stages)


def _last(before: int, row: Row) -> nn.Module:
    return nn.ConvTranspose2d(before, row.maps, row.kernel, row.stride, row.padding, bias=False)


def _judging_pictures(channels: int, layers: Layers) -> nn.Sequential:
    stages: list[nn.Module] = []
    for i, (before, row) in enumerate(zip((channels, *(r.maps for r in layers.picture)), layers.picture, strict=False)):
        maps = row.maps * layers.pieces
        stages += _dropout(layers.dropout[0 if i == 0 else 1])
        stages.append(nn.Conv2d(before, maps, row.kernel, row.stride, row.padding, bias=row.bias))
        stages += [*_norm(row), _activation(layers)]
    return nn.Sequential(*stages)


def _judging(
    widths: Sequence[int], layers: Layers, dropout: tuple[float, float], *, bias: bool, norm_last: bool = False
) -> nn.Sequential:
    stages: list[nn.Module] = []
    for i, (before, after) in enumerate(pairwise(widths)):
        norm = norm_last and i == len(widths) - 2
        stages += _dropout(dropout[0 if i == 0 else 1])
        stages.append(nn.Linear(before, after * layers.pieces, bias=bias and not norm))
        stages += [nn.BatchNorm1d(after, momentum=MOMENTUM)] if norm else []
        stages.append(_activation(layers))
    return nn.Sequential(*stages)


def _norm(row: Row) -> list[nn.Module]:
    return [nn.BatchNorm2d(row.maps, momentum=MOMENTUM)] if row.norm else []


def _dropout(probability: float) -> list[nn.Module]:
    return [nn.Dropout(probability)] if probability else []


def _activation(layers: Layers) -> nn.Module:
    return nn.LeakyReLU(layers.slope) if layers.pieces == 1 else Maxout(layers.pieces)
