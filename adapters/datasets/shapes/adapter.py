"""Drawing the shapes."""

import numpy as np

from unbraid.adapters.datasets.shapes.config import ShapesConfig
from unbraid.adapters.datasets.shapes.drawing import ShapeImages, angles, places, scales
from unbraid.core.interfaces import Dataset, LabelSpec

NOTES = "Every combination of the factors, once. Factors are exactly independent, which those of photographs never are."


def load(config: ShapesConfig) -> Dataset:
    """Draw every combination of shape, scale, angle, y and x, `(1, size, size)`, 255 on 0.

    Content is the shape, style the factor the config names; `factors` of the data set holds all five.
    """
    grid = config.grid
    indices = np.indices(tuple(grid.values()), dtype=np.int64).reshape(len(grid), -1)
    factors = dict(zip(grid, indices, strict=True))
    styles = _names(config)
    return Dataset(
        name=f"shapes, {' x '.join(map(str, grid.values()))}, {config.size} px, style {config.style}",
        images=ShapeImages(config),
        content=LabelSpec("shape", config.shapes),
        style=LabelSpec(config.style, styles),
        labels={"content": factors["shape"], "style": factors[config.style]},
        splits={
            "content": config.content_split.split_style(config.shapes, label="shape"),
            "style": config.style_split.split_style(styles, label=config.style),
        },
        licence="drawn by Unbraid; no conditions",
        notes=NOTES,
        factors=factors,
    )


def _names(config: ShapesConfig) -> tuple[str, ...]:
    """Name the values of the style: share of the largest size, degrees, or pixels from left or top to the middle."""
    if config.style == "scale":
        return tuple(f"{value:.4g}" for value in scales(config))
    if config.style == "angle":
        return tuple(f"{value:.4g}" for value in angles(config))
    count = config.grid[config.style]
    return tuple(str(first + config.box // 2) for first in places(count, config.places))
