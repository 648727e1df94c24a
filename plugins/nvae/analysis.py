"""What there is to see in a trained N-VAE: which class uses which latent, and what a latent does in every class."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from unbraid.core.errors import DataError
from unbraid.core.report.heat import heat_map

if TYPE_CHECKING:
    from unbraid.plugins.nvae.model import NVAE

#: Nats above which a class counts as using a latent.
ACTIVE = 0.05
#: Values of a traversal, in standard deviations of the prior.
VALUES = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)

Continuous = Literal["shared", "class_dependent"]


def kl_of_factors(head: "NVAE", z: Tensor, labels: Tensor, factor: Continuous = "class_dependent") -> Tensor:
    """Average the divergence of each latent from its prior over the samples of each class.

    The feature detector of N-VAE: a class that ignores a latent leaves it at the prior, so its entry is near 0; above
    `ACTIVE` the class uses it.

    Args:
        head: trained.
        z: frozen latents `(n, *latent)`.
        labels: `(n,)` class of each; -1 is missing and left out.
        factor: whose latents.

    Returns:
        `(C, width)` in nats; rows of classes without samples are NaN.

    Raises:
        DataError: not one label for each latent.
    """
    if len(z) != len(labels):
        raise DataError("each latent needs a label", expected=f"{len(z)} labels", found=len(labels))
    with torch.no_grad():
        mean, log_variance = head.posterior(z)[factor]
    assert log_variance is not None
    divergence = 0.5 * (mean.square() + log_variance.expm1() - log_variance)
    known = labels >= 0
    classes = F.one_hot(labels[known], len(head.seen)).to(divergence)
    return classes.mT @ divergence[known] / classes.sum(0).unsqueeze(1)


def kl_picture(matrix: Tensor, classes: Sequence[str] | None = None) -> bytes:
    """Draw such a matrix as PNG: a class a row, a latent a column, white at 0 nats and black at the most there is.

    Args:
        matrix: `(C, width)` in nats; below `ACTIVE` throughout, all of it is nearly white.
        classes: C names; numbers unless told.
    """
    names = classes or [str(place) for place in range(len(matrix))]
    most = max(float(matrix.nan_to_num(0).max()), ACTIVE)
    return heat_map(matrix.cpu(), names, [str(place) for place in range(matrix.shape[1])], most=most)


def traversal(
    head: "NVAE",
    dimension: int,
    factor: Continuous = "shared",
    values: Sequence[float] = VALUES,
    *,
    most: int | None = None,
) -> dict[str, Tensor]:
    """Make factors that walk along one latent in every class with training rows, all other latents at 0.

    Args:
        head: trained.
        dimension: which number of the factor.
        factor: whose.
        values: where it stops.
        most: classes at most, the first ones; None takes all.

    Returns:
        Factors of `K * len(values)` rows, classes one after the other: what `model.entangle` draws as a grid with a
        class a row. A shared latent should change all rows alike.

    Raises:
        DataError: the factor has no such number.
    """
    width = {f.name: f.width for f in head.factors}[factor]
    if not 0 <= dimension < width:
        raise DataError(f"{factor} has no such number", expected=f"0 .. {width - 1}", found=dimension)
    classes = head.seen.nonzero().flatten()[:most]
    rows = len(classes) * len(values)
    made = {f.name: torch.zeros(rows, f.width, device=classes.device) for f in head.factors}
    made["class"] = F.one_hot(classes.repeat_interleave(len(values)), len(head.seen)).float()
    made[factor][:, dimension] = torch.tensor(values, device=classes.device).repeat(len(classes))
    return made
