"""Drawing the shapes."""

import numpy as np

from unbraid.adapters.datasets.shapes.config import ShapesConfig, Varying
from unbraid.adapters.datasets.shapes.drawing import ShapeImages, angles, places, scales
from unbraid.core.interfaces import Dataset, LabelSpec

NOTES = "Every combination of the factors, once. Factors are exactly independent, which those of photographs never are."


def load(config: ShapesConfig) -> Dataset:
    """Draw every combination of shape, scale, angle, y and x, `(1, size, size)`, 255 on 0.

    Content is the shape, style and attributes are the factors the config names; `factors` of the data set holds all
    five.
    """
    grid = config.grid
    indices = np.indices(tuple(grid.values()), dtype=np.int64).reshape(len(grid), -1)
    factors = dict(zip(grid, indices, strict=True))
    styles = _names(config, config.style)
    named = "".join(f", {name}" for name in config.attributes)
    return Dataset(
        name=f"shapes, {' x '.join(map(str, grid.values()))}, {config.size} px, style {config.style}{named}",
        images=ShapeImages(config),
        content=LabelSpec("shape", config.shapes),
        style=LabelSpec(config.style, styles),
        attributes={name: LabelSpec(name, _names(config, name)) for name in config.attributes},
        labels={
            "content": factors["shape"],
            "style": factors[config.style],
            **{name: factors[name] for name in config.attributes},
        },
        splits={
            "content": config.content_split.split_style(config.shapes, label="shape"),
            "style": config.style_split.split_style(styles, label=config.style),
        },
        licence="drawn by Unbraid; no conditions",
        notes=NOTES,
        factors=factors,
    )


def _names(config: ShapesConfig, factor: Varying) -> tuple[str, ...]:
    """Name the values of a factor: share of the largest size, degrees, or pixels from left or top to the middle."""
    if factor == "scale":
        return tuple(f"{value:.4g}" for value in scales(config))
    if factor == "angle":
        return tuple(f"{value:.4g}" for value in angles(config))
    return tuple(str(first + config.box // 2) for first in places(config.grid[factor], config.places))
