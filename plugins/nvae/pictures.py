"""The pictures a report shows of N-VAE: which class uses which latent, and what the latents in use do."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from unbraid.core.interfaces import Picture
from unbraid.core.latents import Latents
from unbraid.core.report.drawing import grid, png_of
from unbraid.plugins.nvae.analysis import ACTIVE, VALUES, Continuous, kl_of_factors, kl_picture, traversal

if TYPE_CHECKING:
    from unbraid.plugins.nvae.model import NVAE

#: Classes in a matrix and on a walk at most, and walks of each factor.
MATRIX_CLASSES, WALK_CLASSES, WALKS = 40, 10, 2
#: Factor -> what it should look like.
READING: dict[Continuous, str] = {
    "shared": "Shared latents mean the same in every class: rows should be alike.",
    "class_dependent": "Where rows differ, a class has something of its own.",
}


def draw_pictures(
    head: "NVAE", latents: Latents, classes: Sequence[str], decode: Callable[[Tensor], Tensor] | None
) -> list[Picture]:
    """Draw the divergence of each latent from its prior by class, and walks along the latents used most.

    Args:
        head: trained.
        latents: of labelled samples.
        classes: their names.
        decode: latents to pictures; None where the backbone cannot.

    Returns:
        A matrix a factor and, behind a decoder, two walks a factor.
    """
    found: list[Picture] = []
    for factor in READING:
        matrix = kl_of_factors(head, latents.z, latents.label("content"), factor)
        found.append(_matrix(matrix, classes, factor))
        if decode is not None:
            used = matrix.nan_to_num(0).amax(0).argsort(descending=True)[:WALKS].tolist()
            found += [_walk(head, classes, factor, dimension, matrix, decode) for dimension in used]
    return found


def _matrix(matrix: Tensor, classes: Sequence[str], factor: Continuous) -> Picture:
    known: list[int] = (~matrix.isnan().any(1)).nonzero().flatten().tolist()
    kept = known[:MATRIX_CLASSES]
    less = f", {len(kept)} of {len(known)} classes" if len(kept) < len(known) else ""
    caption = (
        f"Divergence of each {factor} latent (column) from its prior, mean over the samples of a class (row), in nats"
        f"{less}. Near 0 a class ignores it; above {ACTIVE} it is in use. {READING[factor]}"
    )
    png = kl_picture(matrix[kept], [classes[k] for k in kept])
    return Picture(caption, png, title=f"Which class uses which {factor} latent")


def _walk(
    head: "NVAE",
    classes: Sequence[str],
    factor: Continuous,
    dimension: int,
    matrix: Tensor,
    decode: Callable[[Tensor], Tensor],
) -> Picture:
    factors = traversal(head, dimension, factor, most=WALK_CLASSES)
    places: list[int] = head.seen.nonzero().flatten()[:WALK_CLASSES].tolist()
    walked = [classes[place] for place in places]
    nats = matrix.nan_to_num(0)[:, dimension].max()
    caption = (
        f"From {VALUES[0]:g} to {VALUES[-1]:g} standard deviations of the prior, all other latents at 0, a class a row: "
        f"{', '.join(walked)}. It holds {nats:.2f} nats in the class that uses it most."
    )
    png = png_of(grid(decode(head.entangle(factors)).cpu(), columns=len(VALUES)))
    return Picture(caption, png, title=f"A walk along {factor} latent {dimension}")
