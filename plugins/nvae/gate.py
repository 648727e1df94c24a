"""How a class changes what class-dependent latents mean."""

import torch
from torch import Tensor, nn

# Shapes: B rows, C classes, L class-dependent latents.


class ClassGate(nn.Module):
    """The gate `z_cy = vec(c_y * [1, z_c])`: a bias that the class alone decides, and its gain on each latent.

    `c_y` is a learned L x 2 matrix of each class. Its first column says what the class looks like, its second how
    far the class uses each latent. Gains start at 1, so every class uses all of them; biases start standard normal.

    Args:
        classes: C.
        width: L.
        tied: one number is both bias and gain; it starts standard normal.

    >>> gate = ClassGate(3, 5)
    >>> gate(torch.eye(3)[[0, 2]], torch.zeros(2, 5)).shape
    torch.Size([2, 10])
    """

    def __init__(self, classes: int, width: int, *, tied: bool = False) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.randn(classes, width))
        self.gain = None if tied else nn.Parameter(torch.ones(classes, width))

    def forward(self, probabilities: Tensor, dependent: Tensor) -> Tensor:
        """Gate latents `(..., L)` by class probabilities `(..., C)`: `(..., 2L)`.

        A one-hot row takes the matrix of its class, any other row the mean of the matrices.
        """
        bias = probabilities @ self.bias
        gain = bias if self.gain is None else probabilities @ self.gain
        return torch.cat([bias, gain * dependent], -1)
