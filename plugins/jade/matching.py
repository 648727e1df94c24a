"""How far the contents of one class are apart in two domains, in closed form."""

import torch
from torch import Tensor
from torch.nn import functional as F

from unbraid.core.interfaces import Posterior

# Shapes: A and B rows of the two domains, C classes, D numbers of a content.


def gaussian_divergence(first: Posterior, second: Posterior) -> Tensor:
    """Give KL(first || second) of diagonal Gaussians, in nats, summed over the last dimension.

    Args:
        first: mean and log-variance `(..., D)`.
        second: the same, of a shape that broadcasts.

    Returns:
        `(...)`.

    >>> one = Posterior(torch.ones(1, 2), torch.zeros(1, 2))
    >>> gaussian_divergence(one, Posterior(torch.zeros(1, 2), torch.zeros(1, 2)))
    tensor([1.])
    """
    assert first.log_variance is not None and second.log_variance is not None
    ratio = first.log_variance - second.log_variance
    distance = (first.mean - second.mean).square() * (-second.log_variance).exp()
    return 0.5 * (ratio.exp() + distance - 1 - ratio).sum(-1)


def matched_divergence(first: Posterior, first_label: Tensor, second: Posterior, second_label: Tensor) -> Tensor:
    """Average KL(q(z|x) || q(z|y)) over rows x of one domain and rows y of the same class in the other.

    Each x counts alike, and all its partners do: the expectation of drawing one partner at random, with less noise. Rows
    without a label or a partner are left out.

    Args:
        first: of the rows x, `(A, D)`.
        first_label: their classes `(A,)`; -1 is missing.
        second: of the rows y, `(B, D)`.
        second_label: their classes `(B,)`.

    Returns:
        A scalar; 0 where no row has a partner.
    """
    same = ((first_label.unsqueeze(1) == second_label) & (first_label >= 0).unsqueeze(1)).to(first.mean)
    partners = same.sum(1)
    weights = same / partners.clamp_min(1).unsqueeze(1)
    divergence = gaussian_divergence(_unsqueezed(first, 1), _unsqueezed(second, 0))  # (A, B)
    return (weights * divergence).sum() / (partners > 0).sum().clamp_min(1)


def moment_divergence(
    first: Posterior, first_label: Tensor, second: Posterior, second_label: Tensor, classes: int
) -> Tensor:
    """Average KL over classes between two Gaussians with the moments of a class's rows in each domain.

    Args:
        first, first_label, second, second_label: as for `matched_divergence`.
        classes: C.

    Returns:
        A scalar over the classes that both batches hold; 0 where they share none.
    """
    (one, count), (other, partners) = (
        class_moments(posterior, label, classes) for posterior, label in ((first, first_label), (second, second_label))
    )
    both = (count > 0) & (partners > 0)
    return torch.where(both, gaussian_divergence(one, other), 0).sum() / both.sum().clamp_min(1)


def class_moments(posterior: Posterior, label: Tensor, classes: int) -> tuple[Posterior, Tensor]:
    """Give the Gaussian that has mean and variance of the mixture of a class's rows.

    Args:
        posterior: of rows `(B, D)`.
        label: `(B,)`; -1 is missing.
        classes: C.

    Returns:
        Mean and log-variance `(C, D)`, a standard normal one for classes without rows, and rows a class `(C,)`.
    """
    assert posterior.log_variance is not None
    member = F.one_hot(label + 1, classes + 1)[:, 1:].to(posterior.mean)  # (B, C), none for a missing label
    count = member.sum(0)
    share = member / count.clamp_min(1)
    mean = share.mT @ posterior.mean
    spread = (posterior.mean.unsqueeze(1) - mean).square() + posterior.log_variance.exp().unsqueeze(1)  # (B, C, D)
    variance = (share.unsqueeze(2) * spread).sum(0)
    empty = (count == 0).unsqueeze(1)
    return Posterior(mean, torch.where(empty, 1, variance).log()), count


def _unsqueezed(posterior: Posterior, dim: int) -> Posterior:
    assert posterior.log_variance is not None
    return Posterior(posterior.mean.unsqueeze(dim), posterior.log_variance.unsqueeze(dim))
