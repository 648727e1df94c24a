"""Freeze an i-RevNet (Jacobsen et al. 2018, arXiv:1802.07088), whose inverse is exact, and attach FDEN to it.

The network is small and its weights are random, so that the example takes seconds and needs no download: what to see is
that pictures come back to the last digit float32 has, and that such a latent can be taken apart like any other. For a
published one, load its weights into modules of the same kind.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import unbraid


class Block(nn.Module):
    """One reversible block: `(a, b)` -> `(b, a + f(b))`, both squeezed where the stride is 2."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        after = channels * stride**2
        first = nn.Conv2d(channels, after, 3, stride, padding=1, bias=False)
        second = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.f = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), first, nn.BatchNorm2d(after), nn.ReLU(), second)
        self.stride = stride

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Take the halves forwards."""
        return F.pixel_unshuffle(b, self.stride), F.pixel_unshuffle(a, self.stride) + self.f(b)

    def inverse(self, c: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        """Take the halves back."""
        b = F.pixel_shuffle(c, self.stride)
        return F.pixel_shuffle(d - self.f(b), self.stride), b


class IRevNet(nn.Module):
    """Grey pictures of 28 x 28 -> maps of 16 x 7 x 7: as many numbers, and none of them lost."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(2, 1), Block(2, 2), Block(8, 1)])

    def forward(self, x: Tensor) -> Tensor:
        """Encode pictures."""
        a, b = F.pixel_unshuffle(x, 2).chunk(2, dim=1)
        for block in self.blocks:
            a, b = block(a, b)
        return torch.cat([a, b], dim=1)


class Inverse(nn.Module):
    """The same blocks backwards."""

    def __init__(self, network: IRevNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> Tensor:
        """Decode latents."""
        a, b = z.chunk(2, dim=1)
        for block in reversed(self.network.blocks):
            a, b = block.inverse(a, b)
        return F.pixel_shuffle(torch.cat([a, b], dim=1), 2).clamp(0, 1)  # heads make latents no picture has


def frozen() -> unbraid.Backbone:
    """Freeze the network and its inverse: all that attaching a model of your own takes."""
    torch.manual_seed(0)
    network = IRevNet()
    return unbraid.freeze(network, Inverse(network), input=(1, 28, 28), exact=True, source="random weights")


def main(steps: int = 30) -> None:
    """Freeze, look at the round trip, attach, fit, swap."""
    glyphs = unbraid.load_dataset("glyphs")
    pictures = torch.from_numpy(glyphs.images[glyphs.rows(content="test")[:200]]).float() / 255
    backbone = frozen()
    with torch.no_grad():
        error = (backbone.decode(backbone.encode(pictures)) - pictures).abs().max()
    print(f"latents of {backbone.info.latent.shape}, inverse {backbone.info.inverse}: off by {error:.1e} at most")
    model = unbraid.attach("fden", backbone, trunk=(64,), branch=(64,), entangler=(64,), factor_width=32)
    model.fit(glyphs, steps=steps, quiet=True)
    swapped = model.transfer(content=pictures[:4], style=pictures[4:8])
    print(f"after {steps} steps, swapped pictures of {tuple(swapped.shape)}")


if __name__ == "__main__":
    main()
