"""Drawing pictures pixel by pixel, in the time of about one pass over all pixels.

What a row needs of the rows above is computed once a row, and what a pixel needs of the pixels to its left once a pixel
(Ramachandran et al. 2017, arXiv:1704.06001): each layer keeps the few last places that its kernels reach.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from unbraid.adapters.backbones.pixelvae.layers import GatedLayer, gated


class _Line:
    """One layer at one row, and there at one column."""

    def __init__(self, layer: GatedLayer, z: Tensor, width: int) -> None:
        self.layer = layer
        self.on_vertical, self.on_horizontal = layer.given(z).chunk(2, dim=1)
        before = layer.above.in_channels
        self.rows = z.new_zeros(len(z), before, layer.reach, width + 2 * layer.sides)
        self.columns = z.new_zeros(len(z), before, layer.reach)
        self.here = self.rows

    def below(self, row: Tensor) -> Tensor:
        """Go to the next row: take the last of the vertical stack that comes in, `(B, before, W)`, and give ours."""
        padded = functional.pad(row, (self.layer.sides, self.layer.sides))
        self.rows = torch.cat([self.rows[:, :, 1:], padded[:, :, None]], dim=2)
        # One product for all places: a convolution in float64 makes one for each picture, at half the speed.
        seen = self.rows.unfold(3, 2 * self.layer.sides + 1, 1).permute(0, 3, 1, 2, 4).flatten(2)
        above = functional.linear(seen, self.layer.above.weight.flatten(1), self.layer.above.bias)
        self.here = _at(self.layer.down, above) + self.on_horizontal[:, None]
        self.columns = torch.zeros_like(self.columns)
        return gated((above + self.on_vertical[:, None]).transpose(1, 2))

    def right(self, column: Tensor, place: int) -> Tensor:
        """Go to a column: take the last of the horizontal stack that comes in, `(B, before)`, and give ours."""
        self.columns = torch.cat([self.columns[:, :, 1:], column[:, :, None]], dim=2)
        left = functional.linear(self.columns.flatten(1), self.layer.left.weight.flatten(1))
        found = _at(self.layer.out, gated(left + self.here[:, place]))
        return found if self.layer.first else column + found


def draw(layers: Sequence[GatedLayer], end: nn.Sequential, z: Tensor, uniforms: Tensor) -> Tensor:
    """Draw pictures given latents.

    Args:
        layers: of the network.
        end: turns the horizontal stack into the logit of a pixel.
        z: `(B, latent)`, standardised; its dtype is that of the layers.
        uniforms: `(B, H, W)`; a pixel is 1 where its number is below the probability.

    Returns:
        `(B, 1, H, W)`, zeros and ones.
    """
    height, width = uniforms.shape[-2:]
    lines = [_Line(layer, z, width) for layer in layers]
    rows: list[Tensor] = []
    for i in range(height):
        # To the network a white pixel is 1, a black one -1, and what is outside the picture 0.
        last = 2 * rows[-1] - 1 if rows else z.new_zeros(len(z), 1, width)
        for line in lines:
            last = line.below(last)
        rows.append(_row(lines, end, uniforms[:, i]))
    return torch.stack(rows, dim=2)


def _row(lines: Sequence[_Line], end: nn.Sequential, uniforms: Tensor) -> Tensor:
    """Draw one row, `(B, 1, W)`."""
    pixels: list[Tensor] = []
    for j in range(uniforms.shape[1]):
        last = 2 * pixels[-1] - 1 if pixels else uniforms.new_zeros(len(uniforms), 1)
        for line in lines:
            last = line.right(last, j)
        for part in end:
            last = _at(part, last)
        pixels.append((uniforms[:, j : j + 1] < last.sigmoid()).to(uniforms.dtype))
    return torch.stack(pixels, dim=2)


def _at(part: nn.Module, x: Tensor) -> Tensor:
    """Apply a layer that looks at one place alone to places of their own, `(..., channels)`."""
    if isinstance(part, nn.Conv2d):
        return functional.linear(x, part.weight.flatten(1), part.bias)
    found: Tensor = part(x)
    return found
