"""How likely two samples are that share a factor (Esser et al. 2020, eq. 8 to 10)."""

from collections.abc import Mapping

from torch import Tensor

#: Codes under the names of their blocks, `(B, w, *P)` each, and `log |det|`, `(B,)`.
Coded = tuple[Mapping[str, Tensor], Tensor]


def pair_loss(first: Coded, second: Coded, shared: str, correlation: float) -> Tensor:
    """Negative log-likelihood of pairs, without constants, by number of the latent: a scalar.

    The first sample is standard normal, and so is the second given the first, but for the block both share: there the
    two correlate.

    Args:
        first, second: codes of the two samples of `B` pairs.
        shared: block of the factor they share.
        correlation: of that block, in (0, 1).
    """
    (a, volume), (b, other_volume) = first, second
    numbers = sum(code[0].numel() for code in a.values())
    energy = sum(_square(code) for code in a.values())
    for name, code in b.items():
        r = correlation if name == shared else 0.0
        energy = energy + _square(code - r * a[name]) / (1 - r**2)
    return (energy / 2 - volume - other_volume).mean() / (2 * numbers)


def _square(code: Tensor) -> Tensor:
    return code.square().flatten(1).sum(1)
