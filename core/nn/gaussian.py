"""Divergence of a diagonal Gaussian from the standard normal distribution."""

from torch import Tensor


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Give the Kullback-Leibler divergence KL(N(mean, variance) || N(0, 1)), in nats.

    Kingma and Welling 2014, appendix B.

    Args:
        mean: `(B, *shape)`.
        log_variance: the same shape.

    Returns:
        `(B,)`, summed over the dimensions of each row.

    >>> import torch
    >>> gaussian_kl(torch.zeros(2, 3), torch.zeros(2, 3))
    tensor([0., 0.])
    """
    # expm1 keeps the difference of exp(v) and 1 exact near v = 0
    return 0.5 * (mean.square() + log_variance.expm1() - log_variance).flatten(1).sum(1)
