"""What a classifier trained on real pictures sees in made ones."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from results import Ints

from unbraid.core.evaluation.judge import Judge
from unbraid.core.interfaces import Dataset

Array = npt.NDArray[np.float32]

#: Principal components of real pictures that classifiers get.
COMPONENTS = 50


@dataclass(frozen=True)
class Eye:
    """Pictures as classifiers see them: principal components of real ones."""

    mean: Array
    axes: Array

    @classmethod
    def of(cls, pictures: Array) -> "Eye":
        """Find the components of pictures `(n, C, H, W)` in [0, 1]."""
        flat = pictures.reshape(len(pictures), -1)
        mean = flat.mean(0)
        values, vectors = np.linalg.eigh(np.cov(flat - mean, rowvar=False))
        return cls(mean, vectors[:, np.argsort(-values)[:COMPONENTS]].astype(np.float32))

    def __call__(self, pictures: Array) -> Array:
        """Give `(n, 50)`."""
        seen: Array = (pictures.reshape(len(pictures), -1) - self.mean) @ self.axes
        return seen


def pixels(dataset: Dataset, rows: Ints) -> Array:
    """Give pictures in [0, 1]."""
    return np.asarray(dataset.images[rows], dtype=np.float32) / 255


def accuracy(judge: Judge, codes: Array, labels: Ints) -> float:
    """Share of pictures whose class the judge sees."""
    return float((judge(codes) == labels).mean())
