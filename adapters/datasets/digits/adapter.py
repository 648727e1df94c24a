"""Loading scikit-learn's digits."""

import numpy as np
from sklearn.datasets import load_digits

from unbraid.adapters.datasets.digits.config import NATIVE_SIZE, DigitsConfig
from unbraid.core.data_files.resizing import resized
from unbraid.core.interfaces import Dataset, LabelSpec

#: Scikit-learn stores counts of set pixels in blocks of 4 x 4.
LEVELS = 16

NOTES = "43 writers, who are not labelled: the same hand may be on both sides of any split."


def load(config: DigitsConfig) -> Dataset:
    """Load 1,797 digits `(1, size, size)`, ink 255 on 0, in scikit-learn's order."""
    flat, labels = load_digits(return_X_y=True)
    pictures = np.rint(flat.reshape(-1, 1, NATIVE_SIZE, NATIVE_SIZE) * (255 / LEVELS)).astype(np.uint8)
    digits = tuple(map(str, range(10)))
    return Dataset(
        name="digits" if config.size == NATIVE_SIZE else f"digits, {config.size} px",
        images=resized(pictures, config.size),
        content=LabelSpec("digit", digits),
        labels={"content": labels.astype(np.int64)},
        splits={"content": config.content_split.split(digits, label="digit")},
        licence="CC BY 4.0, Alpaydin and Kaynak, Optical Recognition of Handwritten Digits (UCI)",
        notes=NOTES,
    )
