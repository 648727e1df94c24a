"""Freeze an i-ResNet (Behrmann et al. 2019, arXiv:1811.00995), whose inverse is a fixed point, and attach FDEN to it.

Every block adds to its input a function that contracts: y = x + g(x) with a Lipschitz constant below one. Then
x <- y - g(x) converges to the one x that y came from. The network is small and its weights are random, so that the
example takes seconds and needs no download.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import unbraid

#: The paper's bound on the norm of each convolution; a block of two contracts by its square.
COEFFICIENT = 0.9
#: 0.81 to the power of this is 7e-10, below what float32 can tell from nothing.
ITERATIONS = 100
SIDE = 14


def norm(convolution: nn.Conv2d, iterations: int = 50) -> Tensor:
    """Find the largest factor by which a convolution stretches a map, by power iteration on the convolution itself.

    The norm of the reshaped weight, which is what spectral normalisation usually takes, is not a bound on it.
    """
    weight = convolution.weight
    x = torch.randn(1, convolution.in_channels, SIDE, SIDE)
    for _ in range(iterations):
        y = F.conv2d(x / x.norm(), weight, padding=1)
        x = F.conv_transpose2d(y, weight, padding=1)
    return y.norm()


class Block(nn.Module):
    """x -> x + g(x), where g contracts."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        layers = nn.Conv2d(channels, hidden, 3, padding=1), nn.Conv2d(hidden, channels, 3, padding=1)
        with torch.no_grad():
            for layer in layers:
                layer.weight.mul_(COEFFICIENT / norm(layer))  # of a network in training: after every step
        self.g = nn.Sequential(nn.ELU(), layers[0], nn.ELU(), layers[1])

    def forward(self, x: Tensor) -> Tensor:
        """Add what g gives."""
        return x + self.g(x)

    def inverse(self, y: Tensor) -> Tensor:
        """Iterate to the fixed point."""
        x = y
        for _ in range(ITERATIONS):
            x = y - self.g(x)
        return x


class IResNet(nn.Module):
    """Grey pictures of 28 x 28 -> maps of 4 x 14 x 14."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*[Block(4, 16) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        """Encode pictures."""
        z: Tensor = self.blocks(F.pixel_unshuffle(x, 2))
        return z


class Inverse(nn.Module):
    """The fixed points, last block first."""

    def __init__(self, network: IResNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> Tensor:
        """Decode latents."""
        for block in reversed(self.network.blocks):
            assert isinstance(block, Block)
            z = block.inverse(z)
        return F.pixel_shuffle(z, 2).clamp(0, 1)  # heads make latents no picture has


def frozen() -> unbraid.Backbone:
    """Freeze the network and its inverse: all that attaching a model of your own takes."""
    torch.manual_seed(0)
    network = IResNet()
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
