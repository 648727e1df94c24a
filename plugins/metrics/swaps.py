"""Draws of cells whose swap has a true answer, and the simplest rules that predict it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.evidence import Evidence, Population

Array = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

#: Rounds of drawing before too sparse a grid is given up.
ROUNDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Swaps:
    """n swaps as positions in a population: content donor (c, s), style donor (c', s') and the true cell (c, s').

    Contents and styles of a swap differ: c != c', s != s'. All arrays are `(n,)`.
    """

    content: Ints
    style: Ints
    target: Ints


def draw_swaps(population: Population, *, n: int, rng: np.random.Generator) -> Swaps:
    """Draw swaps with replacement, uniformly over pairs of samples whose third cell exists.

    Args:
        population: labelled with content and style; cells may be missing or hold several samples.
        n: how many.
        rng: where randomness comes from.

    Raises:
        ProtocolError: there are no style labels, or hardly a swap has a true cell.
    """
    contents, styles = population.label("content"), population.label("style")
    known = np.flatnonzero((contents >= 0) & (styles >= 0))
    cells = _Cells(contents[known], styles[known])
    found: list[Ints] = []
    for _ in range(ROUNDS if len(known) else 0):
        a, b = rng.integers(len(known), size=(2, 2 * n))
        fits = (cells.contents[a] != cells.contents[b]) & (cells.styles[a] != cells.styles[b])
        target = cells.draw(cells.contents[a], cells.styles[b], rng)
        found.append(np.stack([a, b, target])[:, fits & (target >= 0)])
        if sum(part.shape[1] for part in found) >= n:
            content, style, wanted = known[np.concatenate(found, 1)[:, :n]]
            return Swaps(content=content, style=style, target=wanted)
    raise ProtocolError(
        "swaps need cells: the same contents in several styles",
        expected=f"{n} swaps (c, s), (c', s') with a true sample of (c, s')",
        found=f"{sum(part.shape[1] for part in found)} in {len(known)} labelled samples",
        hint="evaluate on a data set whose contents come in the same styles",
    )


class _Cells:
    """Which samples are of which (content, style) cell."""

    def __init__(self, contents: Ints, styles: Ints) -> None:
        self.contents, self.styles = contents, styles
        self._width = int(styles.max(initial=0)) + 1
        keys = contents * self._width + styles
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def draw(self, contents: Ints, styles: Ints, rng: np.random.Generator) -> Ints:
        """Give a random sample of each cell; -1 where the cell is empty."""
        wanted = contents * self._width + styles
        first = np.searchsorted(self._keys, wanted, "left")
        count = np.searchsorted(self._keys, wanted, "right") - first
        chosen = first + rng.integers(0, np.maximum(count, 1))
        return np.where(count > 0, self._order[np.minimum(chosen, len(self._order) - 1)], -1)


def style_means(evidence: Evidence) -> dict[int, Array]:
    """Mean latent of each style over training contents: style -> `(D,)`."""
    means: dict[int, Array] = {}
    for name in ("train", "unseen_style"):
        if len(evidence.populations.get(name, ())) and "style" in evidence.populations[name].labels:
            population = evidence.populations[name]
            labels = population.labels["style"]
            means |= {int(s): population.z[labels == s].mean(0) for s in np.unique(labels[labels >= 0])}
    return means


def additive(population: Population, swaps: Swaps, means: dict[int, Array]) -> Array | None:
    """The additive rule `z[c, s] - mean of style s + mean of style s'`: `(n, D)`; None where a mean is missing."""
    styles = population.label("style")
    before, after = styles[swaps.content], styles[swaps.style]
    if not set(np.union1d(before, after).tolist()) <= means.keys():
        return None
    shift = {s: means[s] for s in np.union1d(before, after).tolist()}
    moved = np.stack([shift[b] - shift[a] for a, b in zip(before.tolist(), after.tolist(), strict=True)])
    rule: Array = population.z[swaps.content] + moved
    return rule


def right_cell(predicted: Array, population: Population, swaps: Swaps) -> npt.NDArray[np.float64]:
    """Whether the nearest sample of the population is of the wanted cell (c, s'): `(n,)` of 0 and 1."""
    contents, styles = population.label("content"), population.label("style")
    norms = np.square(population.z, dtype=np.float64).sum(1)
    nearest = np.concatenate(
        [(norms - 2 * (part.astype(np.float64) @ population.z.T)).argmin(1) for part in _parts(predicted)]
    )
    same = (contents[nearest] == contents[swaps.target]) & (styles[nearest] == styles[swaps.target])
    share: npt.NDArray[np.float64] = same.astype(np.float64)
    return share


def _parts(predicted: Array) -> list[Array]:
    return np.array_split(predicted, max(1, len(predicted) // 256))
