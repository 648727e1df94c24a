"""The closed form of PISCO (Ngweta et al. 2023, section 3), in float64."""

import torch
from torch import Tensor
from torch.nn import functional as F
from unbraid import LabelError

# Shapes: N rows, D numbers of a latent, K content directions, S style directions.


def change_under_style(z: Tensor, content: Tensor, style: Tensor) -> Tensor:
    """Mean of `d d^T` over all ordered pairs of rows of one content in two styles, `d` their difference: `(D, D)`.

    Written with sums of groups, so that no pair is ever formed. Where no row has a style, any two rows of a content
    are a pair.

    Args:
        z: `(N, D)`.
        content: `(N,)`, -1 is missing.
        style: `(N,)`, -1 is missing.

    Raises:
        LabelError: there is no such pair.
    """
    labelled = bool((style >= 0).any())
    known = (content >= 0) & ((style >= 0) | (not labelled))
    z, content, style = z[known], content[known], style[known]
    apart = style if labelled else torch.arange(len(z), device=z.device)
    contents = torch.unique(content, return_inverse=True)[1]
    cells = torch.unique(torch.stack([content, apart], 1), dim=0, return_inverse=True)[1]
    partners = contents.bincount()[contents] - cells.bincount()[cells]
    pairs = int(partners.sum())
    if not pairs:
        raise LabelError(
            "pisco compares versions of one content",
            expected="two rows of one content, in two styles where styles are labelled",
            found="no such rows",
        )
    crossed = _gram(_sums(z, contents)) - _gram(_sums(z, cells))
    total: Tensor = (z * partners[:, None]).T @ z - crossed
    return 2 * total / pairs


def style_directions(z: Tensor, style: Tensor, count: int, ridge: float) -> Tensor:
    """Directions in which a ridge regression of the style label on latents points, orthonormal: `(D, S)`.

    Two styles give the paper's one direction, of unit norm; more styles give the leading directions of their
    coefficients.

    Args:
        z: `(N, D)`, centred.
        style: `(N,)` with `count + 1` different labels at least; -1 is missing.
        count: S.
        ridge: penalty on the squared coefficients, beside the sum of squared errors.

    Raises:
        LabelError: there are too few styles.
    """
    z, style = z[style >= 0], style[style >= 0]
    styles = torch.unique(style, return_inverse=True)[1]
    found = int(styles.max()) + 1
    if found <= count:
        raise LabelError("pisco: too few styles", expected=f"{count + 1} for {count} directions", found=found)
    wanted = F.one_hot(styles).to(z)
    penalty = ridge * torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
    coefficients = torch.linalg.solve(_gram(z - z.mean(0)) + penalty, (z - z.mean(0)).T @ (wanted - wanted.mean(0)))
    directions: Tensor = torch.linalg.svd(coefficients, full_matrices=False).U[:, :count]
    return directions


def directions(
    z: Tensor, content: Tensor, style: Tensor, *, widths: tuple[int, int], weight: float, ridge: float
) -> Tensor:
    """All directions, as the columns of a `(D, D)` matrix that can be inverted: style, content, and what is left.

    Content is spanned by the eigenvectors of `weight * E[d d^T] - E[z z^T]` with the smallest eigenvalues: much variance
    and little change under style. What is left is orthogonal to both.

    Args:
        z: `(N, D)`, centred.
        content, style: `(N,)`, -1 is missing. Without styles, the eigenvectors at the other end are style.
        widths: S and K, together at most D.
        weight: the paper's lambda.
        ridge: of `style_directions`.

    Raises:
        LabelError: no pairs of one content, or too few styles.
    """
    s, k = widths
    stable = weight * change_under_style(z, content, style) - _gram(z) / len(z)
    vectors = torch.linalg.eigh(stable).eigenvectors  # of ascending eigenvalues
    moved = vectors[:, -s:] if not bool((style >= 0).any()) else style_directions(z, style, s, ridge)
    both = torch.cat([moved, vectors[:, :k]], 1)
    return torch.cat([both, torch.linalg.svd(both).U[:, s + k :]], 1)


def _gram(rows: Tensor) -> Tensor:
    return rows.T @ rows


def _sums(z: Tensor, groups: Tensor) -> Tensor:
    """Sum the rows of each group: `(groups, D)`."""
    return z.new_zeros(int(groups.max()) + 1, z.shape[1]).index_add_(0, groups, z)
