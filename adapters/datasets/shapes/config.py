"""Settings of drawn shapes."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from unbraid.core.config import check_keys
from unbraid.core.data_files.sizes import check_size
from unbraid.core.errors import ConfigError
from unbraid.core.splits import SplitConfig

Varying = Literal["scale", "angle", "x", "y"]

#: What can be drawn, and what is drawn unless told otherwise; the first three are those of dSprites.
SHAPES = ("square", "ellipse", "heart", "triangle", "rectangle", "cross", "half-disc", "L", "T", "arrow")

#: Radius of the circle the largest shape fits, as a share of the picture's size.
LARGEST = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapesConfig:
    """Settings of `load_dataset("shapes", ...)`; the defaults give 4,000 pictures.

    Args:
        size: height and width.
        shapes: what is drawn.
        scales: how many sizes of a shape, evenly from half of the largest to the largest.
        angles: how many angles, evenly from 0 to below `turn`.
        xs: how many places from left to right, on whole pixels.
        ys: how many places from top to bottom.
        turn: degrees the angles spread over. Below 90 (and up to it) no two pictures are alike; 360 is as in dSprites,
            where a square looks the same after every quarter turn.
        style: the factor that is labelled as style; all factors are known ones of the data set.
        attributes: further factors that are labelled, under their own names and not split: `(scale, x)`. They count in
            the fingerprint.
        content_split: which shapes are for training, validation and test; fewer than three are all for training.
        style_split: the same for values of the style.

    Raises:
        ConfigError: a number is out of range, a shape or attribute unknown or given twice, or a labelled factor has a
            single value.
    """

    size: int = 64
    shapes: tuple[str, ...] = SHAPES
    scales: int = 4
    angles: int = 4
    xs: int = 5
    ys: int = 5
    turn: float = 90.0
    style: Varying = "angle"
    attributes: tuple[Varying, ...] = ()
    content_split: SplitConfig = field(default_factory=SplitConfig)
    style_split: SplitConfig = field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        check_size("shapes", self.size)
        check_keys(self.shapes, SHAPES, where="shapes", what="shape")
        if not self.shapes or len(set(self.shapes)) != len(self.shapes):
            raise ConfigError("shapes: shapes are malformed", expected="at least one, each once", found=self.shapes)
        if min(self.grid.values()) < 1 or not 0 < self.turn <= 360:
            raise ConfigError("shapes: a number is out of range", expected="counts >= 1, 0 < turn <= 360", found=self)
        if max(self.xs, self.ys) > self.places:
            raise ConfigError(
                "shapes: more places than pixels",
                expected=f"xs and ys <= {self.places} at size {self.size}",
                found=f"{self.xs} and {self.ys}",
            )
        self._check_labelled()

    @property
    def grid(self) -> dict[str, int]:
        """Factor -> number of values, slowest first."""
        counts = (len(self.shapes), self.scales, self.angles, self.ys, self.xs)
        return dict(zip(("shape", "scale", "angle", "y", "x"), counts, strict=True))

    @property
    def radius(self) -> float:
        """Radius of the circle the largest shape fits, in pixels."""
        return LARGEST * self.size

    @property
    def box(self) -> int:
        """Side of the square of pixels that holds that circle."""
        return 2 * (int(self.radius) + 1)

    @property
    def places(self) -> int:
        """How many whole-pixel places there are along a side."""
        return self.size - self.box + 1

    def _check_labelled(self) -> None:
        labelled = (self.style, *self.attributes)
        if len(set(labelled)) != len(labelled):
            raise ConfigError(
                "shapes: a factor is labelled twice",
                expected=f"attributes other than the style {self.style!r}, each once",
                found=self.attributes,
            )
        for name in labelled:
            if self.grid[name] < 2:
                raise ConfigError(
                    f"shapes: the {'style' if name == self.style else 'attribute'} {name!r} has a single value",
                    expected=f"at least 2, or another of {', '.join(get_args(Varying))}",
                    found=self.grid[name],
                )
