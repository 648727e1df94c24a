"""Drawing shapes with smooth edges."""

import numpy as np
import numpy.typing as npt

from unbraid.adapters.datasets.shapes.config import ShapesConfig
from unbraid.adapters.datasets.shapes.outlines import inside

#: Points along a pixel's side at which a shape is looked up.
SAMPLES = 8

#: Coordinates are rounded to so many digits before they are compared, so that every machine draws the same.
DIGITS = 9


def scales(config: ShapesConfig) -> npt.NDArray[np.float64]:
    """Give the sizes of a shape, as shares of the largest."""
    return np.linspace(0.5, 1.0, config.scales) if config.scales > 1 else np.ones(1)


def angles(config: ShapesConfig) -> npt.NDArray[np.float64]:
    """Give the angles in degrees, counter-clockwise."""
    return np.array([step * (config.turn / config.angles) for step in range(config.angles)])


def places(count: int, available: int) -> npt.NDArray[np.int64]:
    """Give the first pixels of the boxes along a side; a single one is in the middle."""
    spread = np.linspace(0, available - 1, count) if count > 1 else np.array([(available - 1) / 2])
    return np.floor(spread + 0.5).astype(np.int64)


def draw(shape: str, *, radius: float, degrees: float, box: int) -> npt.NDArray[np.uint8]:
    """Draw one shape in the middle of a box: each pixel is the share of its points that lie inside, times 255.

    Args:
        shape: one of the config's.
        radius: of the circle the shape fits, in pixels.
        degrees: counter-clockwise.
        box: side of the picture in pixels.

    Returns:
        `(box, box)` uint8.
    """
    middles = ((np.arange(box * SAMPLES) + 0.5) / SAMPLES - box / 2) / radius
    x, y = np.meshgrid(middles, -middles)
    turn = np.deg2rad(degrees)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    hit = inside(shape, np.round(along, DIGITS), np.round(across, DIGITS))
    covered = hit.reshape(box, SAMPLES, box, SAMPLES).sum((1, 3))
    shares: npt.NDArray[np.uint8] = np.rint(covered * (255 / SAMPLES**2)).astype(np.uint8)
    return shares


class ShapeImages:
    """Every combination of the factors, put together when it is asked for: `(n, 1, size, size)` uint8, 255 on 0.

    Rows are in order of shape, scale, angle, y, x, the last fastest.

    Args:
        config: of the data set.
    """

    def __init__(self, config: ShapesConfig) -> None:
        self._grid = tuple(config.grid.values())
        self.shape = (int(np.prod(self._grid)), 1, config.size, config.size)
        self._box = config.box
        self._tops, self._lefts = places(config.ys, config.places), places(config.xs, config.places)
        drawn = [
            draw(shape, radius=config.radius * scale, degrees=degrees, box=config.box)
            for shape in config.shapes
            for scale in scales(config)
            for degrees in angles(config)
        ]
        self._drawn = np.stack(drawn)

    def __getitem__(self, rows: npt.NDArray[np.int64], /) -> npt.NDArray[np.uint8]:
        """Put the given rows together."""
        *which, tops, lefts = np.unravel_index(np.asarray(rows, dtype=np.int64), self._grid)
        drawn = np.ravel_multi_index(tuple(which), self._grid[:3])
        pictures = np.zeros((len(drawn), *self.shape[1:]), np.uint8)
        for into, each, top, left in zip(pictures, drawn, self._tops[tops], self._lefts[lefts], strict=True):
            into[0, top : top + self._box, left : left + self._box] = self._drawn[each]
        return pictures
