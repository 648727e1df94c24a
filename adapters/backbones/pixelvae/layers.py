"""Gated convolutions that see the pixels before theirs, a latent as a bias in every gate."""

from torch import Tensor, nn
from torch.nn import functional

#: Side of the square of which the first layer sees what is before its middle, and of that of the others.
FIRST, FILTER = 7, 5


def gated(x: Tensor) -> Tensor:
    """Let one half of the channels pass as far as the other says: `(B, 2M, ...)` -> `(B, M, ...)`.

    `tanh(a) * sigmoid(b)`, equation (2) of van den Oord et al. 2016.
    """
    signal, gate = x.chunk(2, dim=1)
    return signal.tanh() * gate.sigmoid()


class GatedLayer(nn.Module):
    """One layer of both stacks.

    At pixel (i, j) the vertical stack holds what the rows above i say, all columns; the horizontal stack holds that and
    what the columns before j of row i say. No pixel after (i, j) in reading order is seen, and none before it is missed
    within reach. Rows and columns are cut from the kernels rather than masked, so nothing is multiplied by zero.

    Args:
        before: channels of what comes in.
        maps: channels of what goes out.
        latent: numbers of the latent.
        first: whether pixels come in. It sees strictly before its own place; the others also see their place, at which
            what comes in knows of pixels before it alone.
    """

    def __init__(self, before: int, maps: int, latent: int, *, first: bool) -> None:
        super().__init__()
        side = FIRST if first else FILTER
        self.first = first
        #: How far is seen, up, left and right.
        self.sides = side // 2
        #: Rows and columns that the kernels have: the place itself counts in all but the first layer.
        self.reach = self.sides + (not first)
        self.above = nn.Conv2d(before, 2 * maps, (self.reach, side))
        self.left = nn.Conv2d(before, 2 * maps, (1, self.reach), bias=False)
        self.down = nn.Conv2d(2 * maps, 2 * maps, 1)
        self.out = nn.Conv2d(maps, maps, 1)
        self.given = nn.Linear(latent, 4 * maps, bias=False)

    def forward(self, vertical: Tensor, horizontal: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Compute both stacks for all pixels at once.

        Args:
            vertical: `(B, before, H, W)`; to the first layer the pixels.
            horizontal: the same of the other stack.
            z: `(B, latent)`, standardised.

        Returns:
            Both, `(B, maps, H, W)`.
        """
        on_vertical, on_horizontal = self.given(z)[:, :, None, None].chunk(2, dim=1)
        last = -int(self.first)  # the first layer must not see its own row, or column: the last one is cut off
        above = self.above(functional.pad(vertical, (self.sides, self.sides, self.sides, last)))
        left = self.left(functional.pad(horizontal, (self.sides, last)))
        found = self.out(gated(left + self.down(above) + on_horizontal))
        return gated(above + on_vertical), found if self.first else horizontal + found
