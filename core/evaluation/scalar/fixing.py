"""Samples that share the value of a factor."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer]


class Fixing:
    """Draws samples with one factor fixed from those at hand; the other factors fall as they do in the data.

    Args:
        factors: `(n, k)`.
    """

    def __init__(self, factors: Ints) -> None:
        self.samples, self.count = factors.shape
        self._values = [np.unique(factor, return_inverse=True)[1] for factor in factors.T]
        self._order = [np.argsort(values, kind="stable") for values in self._values]
        self._counts = [np.bincount(values) for values in self._values]

    def partners(self, rows: Ints, factor: int, rng: np.random.Generator) -> Ints:
        """Draw a sample with the same value of a factor for each row, `(m,)`; it may be the row itself."""
        values = self._values[factor][rows]
        counts = self._counts[factor]
        starts = np.cumsum(counts) - counts
        found: Ints = self._order[factor][starts[values] + rng.integers(counts[values])]
        return found
