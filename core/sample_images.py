"""Pictures of a data set for a bundle to be compared on, and to show."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from unbraid.core.interfaces import Dataset, Split

#: Images on which torch and onnxruntime are compared.
IMAGES = 257


def sample_images(dataset: "Dataset", **splits: "Split") -> NDArray[np.uint8]:
    """Choose up to 257 pictures from all over the classes of the given splits, `(n, C, H, W)` uint8; the same every time.

    Args:
        dataset: to choose from.
        splits: role -> split, as for `Dataset.rows`.
    """
    rows = dataset.rows(**splits)
    return dataset.images[rows[_spread(len(rows))]]


def _spread(count: int) -> list[int]:
    """Walk rows in steps of the golden ratio: wherever one stops, what was seen is of classes from all over.

    >>> _spread(8)
    [0, 5, 2, 7, 4, 1, 6, 3]
    """
    step = next(step for step in range(round(count * 0.618), count + 2) if math.gcd(step, count) == 1)
    return [row * step % count for row in range(min(count, IMAGES))]
