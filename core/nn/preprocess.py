"""What encoders of other libraries want done to pictures, as part of the encoder."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from unbraid.core.errors import ConfigError

INTERPOLATIONS = ("nearest", "bilinear", "bicubic")


class Preprocess(nn.Module):
    """Pictures `(B, C, H, W)` in [0, 1] -> `(B, channels, *size)`, resized and normalised.

    A grey picture is repeated for every channel. Pictures are resized whole, smoothly when they shrink, and nothing is
    cropped. Nothing is done to pictures that have the size already. Statistics are no part of the state: they are
    configuration.

    Args:
        channels: the encoder takes.
        size: height and width the encoder takes.
        mean, std: per channel, of pictures in [0, 1].
        interpolation: `nearest`, `bilinear` or `bicubic`; anything else is taken as `bicubic`.

    Raises:
        ConfigError: not one mean and deviation a channel.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        channels: int,
        size: tuple[int, int],
        mean: Sequence[float],
        std: Sequence[float],
        interpolation: str = "bicubic",
    ) -> None:
        super().__init__()
        if len(mean) != channels or len(std) != channels:
            raise ConfigError(
                "the normalisation does not fit the channels",
                expected=f"{channels} means and deviations",
                found=f"{len(mean)} and {len(std)}",
            )
        self.channels, self.size = channels, size
        self.interpolation = interpolation if interpolation in INTERPOLATIONS else "bicubic"
        self.register_buffer("mean", torch.tensor(list(mean)).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(list(std)).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Prepare a batch of pictures."""
        if tuple(x.shape[2:]) != self.size:
            smooth = self.interpolation != "nearest"
            x = functional.interpolate(x, self.size, mode=self.interpolation, antialias=smooth).clamp(0, 1)
        if x.shape[1] != self.channels:
            x = x.expand(-1, self.channels, -1, -1)
        return (x - self.mean) / self.std
