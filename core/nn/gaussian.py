"""Divergence of diagonal Gaussians from the standard normal distribution, and distance of two."""

from torch import Tensor

from unbraid.core.interfaces import Posterior


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


def squared_wasserstein(first: Posterior, second: Posterior) -> Tensor:
    """Give the squared 2-Wasserstein distance of diagonal Gaussians, row by row.

    `||m1 - m2||^2 + ||s1 - s2||^2` (Dowson and Landau 1982); of points, the squared distance of the means.

    Args:
        first: mean and log-variance, `(B, *shape)`.
        second: the same shape.

    Returns:
        `(B,)`, summed over the dimensions of each row.

    >>> import torch
    >>> squared_wasserstein(Posterior(torch.zeros(1, 2)), Posterior(torch.ones(1, 2)))
    tensor([2.])
    """
    distance = (first.mean - second.mean).square()
    if first.log_variance is not None and second.log_variance is not None:
        distance = distance + ((0.5 * first.log_variance).exp() - (0.5 * second.log_variance).exp()).square()
    return distance.flatten(1).sum(1)
