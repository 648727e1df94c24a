"""Donors of swaps without a true cell, and what swaps go through before they are judged."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.evidence import Evidence, Population
from unbraid.core.evaluation.probe import split_by_sample

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Content donors and style donors, `(n,)` positions each, and the samples no donor was drawn from."""

    content: Ints
    style: Ints
    others: Ints

    def first(self, n: int) -> "Pairs":
        """Give the first n pairs."""
        return Pairs(content=self.content[:n], style=self.style[:n], others=self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Through:
    """What a swapped latent goes through before it is judged.

    Args:
        suffix: of the first part of a figure's name.
        words: in a summary, after "a swap".
        cycle: in words, for the protocol.
    """

    suffix: str
    words: str
    cycle: str

    def name(self, name: str, population: Population) -> str:
        """Give the name of a figure.

        >>> population = Population(name="train", rows=np.zeros(0), z=np.zeros((0, 1)), labels={}, factors={})
        >>> PIXELS.name("swap_labels/both", population)
        'swap_labels_pixels/both/train'
        """
        kind, _, rest = name.partition("/")
        return "/".join(part for part in (f"{kind}{self.suffix}", rest, population.name) if part)


LATENTS = Through(suffix="", words="", cycle="in latents: entangle, then disentangle again")
PIXELS = Through(
    suffix="_pixels",
    words=", decoded and encoded again,",
    cycle="in pixels: entangle, decode, encode, then disentangle again",
)


def draw_pairs(evidence: Evidence, population: Population, n: int) -> Pairs:
    """Draw pairs of donors of different content and, where styles are labelled, of different style.

    Args:
        evidence: its seed decides.
        population: labelled with content.
        n: how many pairs.

    Raises:
        ProtocolError: there are too few contents, samples of a content, or styles.
    """
    contents, styles = population.label("content"), population.labels.get("style", np.zeros(0))
    known = contents >= 0
    styled = bool((styles >= 0).any())
    if styled:
        known &= styles >= 0
    rows = np.flatnonzero(known)
    present, counts = np.unique(contents[rows], return_counts=True)
    rows = rows[
        np.isin(contents[rows], present[counts > 1])
    ]  # a judge and a donor cannot share a content's only sample
    others, donors = split_by_sample(np.unique(contents[rows], return_inverse=True)[1], 0.4, evidence.seed)
    donors, others = rows[donors], rows[others]
    first, second = donors[evidence.rng(f"swap_labels/{population.name}").integers(len(donors), size=(2, 50 * n))]
    fits = contents[first] != contents[second]
    if styled:
        fits &= styles[first] != styles[second]
    if fits.sum() < n:
        raise ProtocolError(
            "swaps need donors of different content and style",
            expected=f"{n} pairs among {50 * n} drawn",
            found=int(fits.sum()),
            hint="evaluate on rows of several contents and several styles",
        )
    return Pairs(content=first[fits][:n], style=second[fits][:n], others=others)
