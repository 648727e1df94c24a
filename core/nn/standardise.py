"""Standardising latents with the statistics of the training set, and back."""

from typing import Literal

import torch
from torch import Tensor, nn

from unbraid.core.errors import ConfigError
from unbraid.core.interfaces import LatentSpec
from unbraid.core.latents import Latents

StandardiseMode = Literal["none", "dim", "channel"]
MODES: tuple[StandardiseMode, ...] = ("none", "dim", "channel")
#: Lowest standard deviation: dimensions a VAE does not use are not blown up to noise of variance one.
STD_FLOOR = 1e-3


class Standardise(nn.Module):
    """Shifts and scales latents to mean 0 and standard deviation 1.

    The statistics are buffers: they are saved, exported and moved with the head. Until `fit` it is the identity.

    Args:
        latent: shape of one latent.
        mode: `dim` for every number of the latent, `channel` for every channel of a map (of a vector each number is
            a channel), `none` for the identity.

    Raises:
        ConfigError: unknown mode.

    >>> layer = Standardise(LatentSpec((2,)))
    >>> layer.inverse(layer(torch.tensor([[3.0, 4.0]])))
    tensor([[3., 4.]])
    """

    mean: Tensor
    std: Tensor

    def __init__(self, latent: LatentSpec, mode: StandardiseMode = "dim") -> None:
        super().__init__()
        if mode not in MODES:
            raise ConfigError("unknown way to standardise latents", expected=", ".join(MODES), found=repr(mode))
        self.mode: StandardiseMode = mode
        shape = {"none": (), "dim": latent.shape, "channel": (latent.shape[0], *(1 for _ in latent.shape[1:]))}[mode]
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("std", torch.ones(shape))

    def fit(self, latents: Latents) -> None:
        """Take mean and standard deviation (population, at least 0.001) from the means of the training latents."""
        if self.mode == "none":
            return
        mean, variance = latents.moments()
        if self.mode == "channel":
            mean, variance = _per_channel(mean, variance)
        self.mean.copy_(mean)
        self.std.copy_(variance.sqrt().clamp_min(STD_FLOOR))

    def forward(self, z: Tensor) -> Tensor:
        """Standardise latents `(B, *latent)`."""
        return z if self.mode == "none" else (z - self.mean) / self.std

    def inverse(self, z: Tensor) -> Tensor:
        """Undo `forward`, on `(B, *latent)`."""
        return z if self.mode == "none" else z * self.std + self.mean

    def extra_repr(self) -> str:
        """Show the mode."""
        return f"mode={self.mode!r}"


def _per_channel(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Pool moments `(C, *rest)` over all but the first dimension: within-position plus between-position variance."""
    rest = tuple(range(1, mean.ndim))
    if not rest:
        return mean, variance
    pooled = mean.mean(rest, keepdim=True)
    return pooled, variance.mean(rest, keepdim=True) + (mean - pooled).square().mean(rest, keepdim=True)
