"""A head without weights."""

from collections.abc import Mapping

import torch
from torch import Tensor

from unbraid.core.interfaces import Disentangler, Factor, LatentSpec
from unbraid.plugins.slice.config import Range, SliceConfig


class Slice(Disentangler):
    """Takes ranges of the latent for factors; nothing is trained, and putting them together is exact.

    Args:
        config: the ranges.
        latent: shape of the latents.

    Raises:
        ConfigError: the ranges do not fit.

    >>> head = Slice(SliceConfig(specified=(2, 5), unspecified=(0, 2)), LatentSpec((6,)))
    >>> {name: f.tolist() for name, f in head.disentangle(torch.arange(6.0)[None]).items()}
    {'specified': [[2.0, 3.0, 4.0]], 'unspecified': [[0.0, 1.0]], 'rest': [[5.0]]}
    """

    capabilities = frozenset({"entangle"})
    monitor = "none"
    steps = 0

    def __init__(self, config: SliceConfig, latent: LatentSpec) -> None:
        super().__init__()
        self.config = config
        self.latent = latent
        #: Factor and range of every piece, in the order of the latent.
        self.pieces = _pieces(config.ranges(latent.shape[0]), latent.shape[0])
        wide = {
            name: sum(stop - start for each, (start, stop) in self.pieces if each == name) for name, _ in self.pieces
        }
        inner = latent.shape[1:]
        specified = Factor("specified", (wide["specified"], *inner), "content", label="content")
        unspecified = Factor("unspecified", (wide["unspecified"], *inner), "style")
        rest = (Factor("rest", (wide["rest"], *inner), "rest"),) if "rest" in wide else ()
        self.factors = (specified, unspecified, *rest)

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Cut latents `(B, *latent)` along their first dimension."""
        cut: dict[str, list[Tensor]] = {factor.name: [] for factor in self.factors}
        for name, (start, stop) in self.pieces:
            cut[name].append(z[:, start:stop])
        return {name: torch.cat(parts, 1) for name, parts in cut.items()}

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Lay the factors side by side again, `(B, *latent)`."""
        used = dict.fromkeys(factors, 0)
        parts = []
        for name, (start, stop) in self.pieces:
            at = used[name]
            used[name] = at + stop - start
            parts.append(factors[name][:, at : used[name]])
        return torch.cat(parts, 1)


def _pieces(ranges: Mapping[str, Range], length: int) -> list[tuple[str, Range]]:
    """Give the ranges in order, with `rest` wherever there is none."""
    pieces: list[tuple[str, Range]] = []
    reached = 0
    for name, (start, stop) in sorted(ranges.items(), key=lambda item: item[1]):
        if start > reached:
            pieces.append(("rest", (reached, start)))
        pieces.append((name, (start, stop)))
        reached = stop
    return pieces if reached == length else [*pieces, ("rest", (reached, length))]
