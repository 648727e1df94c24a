"""A normalising flow of pictures on two scales, after Real NVP and Glow."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unbraid.adapters.backbones.flow.config import Architecture
from unbraid.adapters.backbones.flow.layers import ActNorm, Bijection, Coupling, Logit, Rotation
from unbraid.core.interfaces import Decoder, Encoder, Posterior
from unbraid.core.restoring import untrained


class Flow(nn.Module):
    """Pictures `(B, C, S, S)` in [0, 1] <-> latents `(B, 16 C, S/4, S/4)`; as many numbers, and nothing is lost.

    Half of the channels leave after the first scale, as in Real NVP; here they join the latent as channels of the
    second scale's size, so that it is one map: first those that left early, then the others.

    Args:
        architecture: fixes every shape.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.logit = Logit()
        self.fine = _steps(4 * architecture.channels, architecture)
        self.coarse = _steps(8 * architecture.channels, architecture)

    def forward(self, x: Tensor, noise: Tensor | float = 0.5) -> tuple[Tensor, Tensor]:
        """Give latents and the logarithm of the Jacobian's determinant, `(B,)`.

        Args:
            x: pictures.
            noise: where in the bin of its byte each pixel is, in [0, 1).
        """
        x, slope = self.logit(x, noise)
        x, fine = _through(self.fine, F.pixel_unshuffle(x, 2))
        left, kept = x.chunk(2, dim=1)
        kept, coarse = _through(self.coarse, F.pixel_unshuffle(kept, 2))
        return torch.cat([F.pixel_unshuffle(left, 2), kept], 1), slope + fine + coarse

    def inverse(self, z: Tensor) -> Tensor:
        """Give pictures."""
        left, kept = z.chunk(2, dim=1)
        kept = F.pixel_shuffle(_back(self.coarse, kept), 2)
        x = _back(self.fine, torch.cat([F.pixel_shuffle(left, 2), kept], 1))
        pictures: Tensor = self.logit.inverse(F.pixel_shuffle(x, 2))
        return pictures

    @torch.no_grad()
    def start_from(self, pictures: Tensor) -> None:
        """Set every `ActNorm` so that a batch leaves it with mean 0 and variance 1, one after the other."""
        x, _ = self.logit(pictures)
        x = _start(self.fine, F.pixel_unshuffle(x, 2))
        _start(self.coarse, F.pixel_unshuffle(x.chunk(2, dim=1)[1], 2))


class FlowEncoder(Encoder):
    """The flow forwards.

    Args:
        flow: shared with the decoder.
    """

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, x: Tensor) -> Posterior:
        """Encode a batch of images."""
        return Posterior(self.flow(x)[0])


class FlowDecoder(Decoder):
    """The flow backwards.

    Args:
        flow: shared with the encoder.
    """

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, z: Tensor) -> Tensor:
        """Decode a batch of latents."""
        return self.flow.inverse(z)


def build_flow(architecture: Architecture, seed: int = 0) -> Flow:
    """Make an untrained flow; see `unbraid.core.restoring.untrained`."""
    return untrained(Flow, architecture, seed)


def _steps(channels: int, architecture: Architecture) -> nn.ModuleList:
    def layers() -> Iterator[Bijection]:
        for _ in range(architecture.steps):
            yield ActNorm(channels)
            yield Rotation(channels)
            yield Coupling(channels, architecture.hidden)

    return nn.ModuleList(layers())


def _through(layers: nn.ModuleList, x: Tensor) -> tuple[Tensor, Tensor]:
    total = x.new_zeros(x.shape[0])
    for layer in layers:
        x, slope = layer(x)
        total = total + slope
    return x, total


def _back(layers: nn.ModuleList, y: Tensor) -> Tensor:
    for layer in reversed(layers):
        assert isinstance(layer, Bijection)
        y = layer.inverse(y)
    return y


def _start(layers: nn.ModuleList, x: Tensor) -> Tensor:
    for layer in layers:
        if isinstance(layer, ActNorm):
            layer.start_from(x)
        x, _ = layer(x)
    return x
