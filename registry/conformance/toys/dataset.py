"""A small full factorial of stripes (content) on ramps (style), with a little noise, and corners (an attribute)."""

import numpy as np

from unbraid.core.interfaces import Dataset, LabelSpec

CONTENTS, STYLES, COPIES, CORNERS = 20, 6, 4, 2


def toy_dataset(missing: float = 0.0, seed: int = 0, corners: bool = False) -> Dataset:
    """Make 480 pictures of 1 x 8 x 8: 20 contents in 6 styles, four times each.

    Args:
        missing: share of the content labels that are missing.
        seed: of patterns and noise.
        corners: whether a corner is dark or bright, and labelled as the attribute `corner`.

    >>> toy_dataset().image_spec.shape
    (1, 8, 8)
    """
    rng = np.random.default_rng(seed)
    patterns = rng.random((CONTENTS, 8, 8)) > 0.5
    ramps = np.linspace(0.2, 1, STYLES)[:, None, None] * np.linspace(0.5, 1, 8)[None, None, :]
    content, style, copy = (g.ravel() for g in np.meshgrid(*map(np.arange, (CONTENTS, STYLES, COPIES)), indexing="ij"))
    images = 200 * patterns[content] * ramps[style] + rng.integers(0, 40, (len(content), 8, 8))
    labels = np.where(rng.random(len(content)) < missing, -1, content)
    corner = copy % CORNERS
    if corners:
        images[:, :3, :3] = 200 * corner[:, None, None]
    return Dataset(
        name="stripes",
        images=images.astype(np.uint8)[:, None],
        content=LabelSpec("pattern", tuple(f"p{i}" for i in range(CONTENTS))),
        style=LabelSpec("ramp", tuple(f"r{i}" for i in range(STYLES))),
        attributes={"corner": LabelSpec("corner", ("dark", "bright"))} if corners else {},
        labels={
            "content": labels.astype(np.int64),
            "style": style.astype(np.int64),
            **({"corner": corner.astype(np.int64)} if corners else {}),
        },
        splits={
            "content": {"train": tuple(range(10)), "validation": tuple(range(10, 14)), "test": tuple(range(14, 20))},
            "style": {"train": (0, 1, 2, 3), "validation": (4,), "test": (5,)},
        },
        licence="CC0-1.0",
    )
