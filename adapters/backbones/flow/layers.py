"""Bijections of feature maps `(B, C, H, W)`: each gives its result and the logarithm of its Jacobian's determinant."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: Largest logarithm of the factor of a coupling, either way.
LARGEST = 1.5
#: Pixels are squeezed into [MARGIN, 1 - MARGIN] before the logit, so that black and white stay finite.
MARGIN = 0.05


class Bijection(nn.Module):
    """A map that can be undone."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give `(y, log |det dy/dx|)`, the second `(B,)`."""
        raise NotImplementedError

    def inverse(self, y: Tensor) -> Tensor:
        """Give x."""
        raise NotImplementedError


class Logit(Bijection):
    """Pixels in [0, 1] -> all real numbers (Dinh et al. 2017, section 4.1).

    A byte b stands for the bin from b / 256 to (b + 1) / 256; without `noise` its middle is taken.
    """

    def forward(self, x: Tensor, noise: Tensor | float = 0.5) -> tuple[Tensor, Tensor]:
        """Take the log-odds; `noise` in [0, 1) says where in its bin each pixel is."""
        p = MARGIN + (1 - 2 * MARGIN) * (x * 255 + noise) / 256
        slope = math.log((1 - 2 * MARGIN) * 255 / 256) - p.log() - (1 - p).log()
        return p.log() - (1 - p).log(), slope.flatten(1).sum(1)

    def inverse(self, y: Tensor) -> Tensor:
        """Give the pixels, cut to [0, 1]."""
        return (((y.sigmoid() - MARGIN) / (1 - 2 * MARGIN) * 256 - 0.5) / 255).clamp(0, 1)


class ActNorm(Bijection):
    """A factor and a shift for each channel (Kingma and Dhariwal 2018, section 3.1).

    Args:
        channels: of the maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scale, then shift."""
        slope = self.log_scale.sum() * x.shape[2] * x.shape[3]
        return x * self.log_scale.exp() + self.shift, slope.expand(x.shape[0])

    def inverse(self, y: Tensor) -> Tensor:
        """Undo it."""
        return (y - self.shift) * (-self.log_scale).exp()

    @torch.no_grad()
    def start_from(self, x: Tensor) -> None:
        """Make what comes out of a batch have mean 0 and variance 1 in each channel."""
        std, mean = torch.std_mean(x, dim=(0, 2, 3), keepdim=True)
        self.log_scale.copy_(-std[0].clamp_min(1e-3).log())
        self.shift.copy_(-mean[0] * self.log_scale.exp())


class Rotation(Bijection):
    """A fixed random rotation of the channels: an invertible 1 x 1 convolution whose inverse is its transpose.

    Args:
        channels: of the maps.
    """

    weight: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.linalg.qr(torch.randn(channels, channels)).Q.contiguous())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Rotate; volumes stay as they are."""
        return F.conv2d(x, self.weight[:, :, None, None]), x.new_zeros(x.shape[0])

    def inverse(self, y: Tensor) -> Tensor:
        """Rotate back."""
        return F.conv2d(y, self.weight.t()[:, :, None, None])


class Coupling(Bijection):
    """One half of the channels says how the other is scaled and shifted (Dinh et al. 2017, eq. 7).

    Starts as the identity: the last layer is zero.

    Args:
        channels: of the maps.
        hidden: channels of the network between.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.kept = channels // 2
        last = nn.Conv2d(hidden, 2 * (channels - self.kept), 3, padding=1)
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)
        first, middle = nn.Conv2d(self.kept, hidden, 3, padding=1), nn.Conv2d(hidden, hidden, 1)
        self.network = nn.Sequential(first, nn.ReLU(), middle, nn.ReLU(), last)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift the second half."""
        kept, changed = x[:, : self.kept], x[:, self.kept :]
        log_scale, shift = self._amounts(kept)
        return torch.cat([kept, changed * log_scale.exp() + shift], 1), log_scale.flatten(1).sum(1)

    def inverse(self, y: Tensor) -> Tensor:
        """Undo it: the first half still says how."""
        kept, changed = y[:, : self.kept], y[:, self.kept :]
        log_scale, shift = self._amounts(kept)
        return torch.cat([kept, (changed - shift) * (-log_scale).exp()], 1)

    def _amounts(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = self.network(kept).chunk(2, dim=1)
        return LARGEST * torch.tanh(raw / LARGEST), shift
