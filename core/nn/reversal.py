"""Gradient reversal: the identity whose gradient points the other way."""

from typing import Any

import torch
from torch import Tensor


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * -ctx.scale, None


def gradient_reversal(x: Tensor, scale: float = 1.0) -> Tensor:
    """Pass `x` on unchanged and multiply its gradient by `-scale`.

    What follows the reversal descends on a loss that everything before it ascends (Ganin and Lempitsky 2015).

    Args:
        x: any shape.
        scale: strength of the reversed gradient.

    >>> x = torch.ones(2, requires_grad=True)
    >>> gradient_reversal(x, 0.5).sum().backward()
    >>> x.grad
    tensor([-0.5000, -0.5000])
    """
    reversed_: Tensor = _Reversal.apply(x, scale)
    return reversed_
