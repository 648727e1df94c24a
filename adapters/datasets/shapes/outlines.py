"""What is inside a shape. All fit the unit circle around the point they turn about; y points up."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_HALF = 0.5**0.5
_ROOT3 = 3**0.5

#: Corners in order, counter-clockwise.
CORNERS: dict[str, tuple[tuple[float, float], ...]] = {
    "square": ((-_HALF, -_HALF), (_HALF, -_HALF), (_HALF, _HALF), (-_HALF, _HALF)),
    "triangle": ((0.0, 1.0), (-_ROOT3 / 2, -0.5), (_ROOT3 / 2, -0.5)),
    "rectangle": ((-0.9, -0.4), (0.9, -0.4), (0.9, 0.4), (-0.9, 0.4)),
    "cross": (
        *((-0.9, -0.3), (-0.3, -0.3), (-0.3, -0.9), (0.3, -0.9), (0.3, -0.3), (0.9, -0.3)),
        *((0.9, 0.3), (0.3, 0.3), (0.3, 0.9), (-0.3, 0.9), (-0.3, 0.3), (-0.9, 0.3)),
    ),
    "L": ((-0.5, -0.8), (0.5, -0.8), (0.5, -0.3), (0.0, -0.3), (0.0, 0.8), (-0.5, 0.8)),
    "T": ((-0.2, -0.8), (0.2, -0.8), (0.2, 0.3), (0.7, 0.3), (0.7, 0.7), (-0.7, 0.7), (-0.7, 0.3), (-0.2, 0.3)),
    "arrow": ((-0.2, -0.9), (0.2, -0.9), (0.2, 0.1), (0.7, 0.1), (0.0, 1.0), (-0.7, 0.1), (-0.2, 0.1)),
}


def inside(shape: str, x: Floats, y: Floats) -> Mask:
    """Tell which points lie in a shape.

    Args:
        shape: one of the config's.
        x: of the points, any shape.
        y: the same.

    >>> inside("half-disc", np.array([0.0, 0.0]), np.array([0.5, -0.5])).tolist()
    [True, False]
    """
    if shape in CORNERS:
        return _in_polygon(CORNERS[shape], x, y)
    return _CURVED[shape](x, y)


def _in_polygon(corners: tuple[tuple[float, float], ...], x: Floats, y: Floats) -> Mask:
    """Count the edges a ray to the right crosses: an odd number from inside."""
    odd = np.zeros(x.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if y0 != y1:
            odd ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return odd


def _in_ellipse(x: Floats, y: Floats) -> Mask:
    return x**2 + (2 * y) ** 2 < 1


def _in_half_disc(x: Floats, y: Floats) -> Mask:
    return (x**2 + y**2 < 1) & (y > 0)


def _in_heart(x: Floats, y: Floats) -> Mask:
    """A unit square standing on a corner, with a half disc on each of its upper sides."""
    u, v = (x + y) * _HALF, (y - x) * _HALF  # along the sides
    square = np.maximum(abs(u), abs(v)) < 0.5
    right, left = (u - 0.5) ** 2 + v**2 < 0.25, u**2 + (v - 0.5) ** 2 < 0.25
    return square | right | left


_CURVED: dict[str, Callable[[Floats, Floats], Mask]] = {
    "ellipse": _in_ellipse,
    "half-disc": _in_half_disc,
    "heart": _in_heart,
}
