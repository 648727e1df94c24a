"""How well a decoder's output fits what it was to give."""

from torch import Tensor
from torch.nn import functional as F


def misfit(target: Tensor, made: Tensor, *, variance: float, bernoulli: bool = False) -> Tensor:
    """Give the negative log-likelihood of targets, in nats, summed over their numbers.

    Of a Gaussian it is the squared error by twice the variance, up to a constant.

    Args:
        target: `(..., D)`, of a shape that broadcasts to that of `made`; in [0, 1] where it is Bernoulli.
        made: `(..., D)` means of a Gaussian, or logits of a Bernoulli likelihood.
        variance: of the Gaussian.
        bernoulli: which of the two.

    Returns:
        `(...)`.

    >>> import torch
    >>> misfit(torch.zeros(2, 3), torch.ones(2, 3), variance=0.5)
    tensor([3., 3.])
    """
    if bernoulli:
        return F.binary_cross_entropy_with_logits(made, target.expand_as(made), reduction="none").sum(-1)
    return (target - made).square().sum(-1) / (2 * variance)
