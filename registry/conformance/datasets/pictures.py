"""The pictures."""

import numpy as np

from unbraid.registry.conformance.check import check, require
from unbraid.registry.conformance.dataset_case import DatasetCase


@check("pictures", "dataset")
def as_bytes(case: DatasetCase) -> None:
    """Rows give `(n, C, H, W)` uint8.

    Breaks: pictures in 0..1 are divided by 255 once more and are black.

    Mend: `images` is an array of uint8, or an object whose `[rows]` gives one.
    """
    found = case.dataset.images[case.rows]
    shape = (len(case.rows), *case.dataset.images.shape[1:])
    right = found.dtype == np.uint8 and found.shape == shape
    require(right, "pictures are something else", expected=f"uint8 {shape}", found=f"{found.dtype} {found.shape}")


@check("pictures", "dataset")
def rows(case: DatasetCase) -> None:
    """A row is the same picture whatever rows it is read with, and however often.

    Breaks: labels belong to other pictures: everything runs at the level of chance.

    Mend: read by the given rows in the given order; no shuffling and no augmentation in a data set.
    """
    together = case.dataset.images[case.rows]
    backwards = case.dataset.images[case.rows[::-1].copy()]
    require(
        np.array_equal(backwards[::-1], together), "rows depend on their order", expected="the same", found="others"
    )
    for i in range(0, len(case.rows), 8):
        alone = case.dataset.images[case.rows[i : i + 1]]
        require(
            np.array_equal(alone[0], together[i]),
            "a row alone is another picture",
            expected="the same",
            found="another",
        )


@check("pictures", "dataset")
def varied(case: DatasetCase) -> None:
    """Pictures differ, and use more than a sliver of 0..255.

    Breaks: a wrong scale or an empty file trains without an error on pictures that are all black.

    Mend: scale to 0..255 before the cast to uint8.
    """
    found = case.dataset.images[case.rows]
    spread = int(found.max()) - int(found.min())
    require(spread >= 16, "pictures have no contrast", expected=">= 16 of 255", found=spread)
    require(
        len(found) < 2 or bool((found != found[:1]).any()), "all pictures are the same", expected="more", found="one"
    )
