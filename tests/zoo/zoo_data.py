"""A small full factorial of stripes (content) on ramps (style), with a little noise."""

import numpy as np

from unbraid import Dataset, LabelSpec

CONTENTS, STYLES, COPIES = 20, 6, 4


def stripes(missing: float = 0.0, seed: int = 0) -> Dataset:
    """Make the data set; a share of the content labels can be missing."""
    rng = np.random.default_rng(seed)
    patterns = rng.random((CONTENTS, 8, 8)) > 0.5
    ramps = np.linspace(0.2, 1, STYLES)[:, None, None] * np.linspace(0.5, 1, 8)[None, None, :]
    content, style, _ = (g.ravel() for g in np.meshgrid(*map(np.arange, (CONTENTS, STYLES, COPIES)), indexing="ij"))
    images = 200 * patterns[content] * ramps[style] + rng.integers(0, 40, (len(content), 8, 8))
    labels = np.where(rng.random(len(content)) < missing, -1, content)
    return Dataset(
        name="stripes",
        images=images.astype(np.uint8)[:, None],
        content=LabelSpec("pattern", tuple(f"p{i}" for i in range(CONTENTS))),
        style=LabelSpec("ramp", tuple(f"r{i}" for i in range(STYLES))),
        labels={"content": labels.astype(np.int64), "style": style.astype(np.int64)},
        splits={
            "content": {"train": tuple(range(10)), "validation": tuple(range(10, 14)), "test": tuple(range(14, 20))},
            "style": {"train": (0, 1, 2, 3), "validation": (4,), "test": (5,)},
        },
    )
