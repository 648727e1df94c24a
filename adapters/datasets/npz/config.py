"""Settings of `.npz` data sets; imports nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from unbraid.core.config import check_keys
from unbraid.core.splits import SplitConfig

#: How the pictures lie in their array: `grid` is content x style x height x width (x colour).
Layout = Literal["grid", "nhw", "nchw", "nhwc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NpzConfig:
    """Settings of `load_dataset("npz", ...)`.

    Args:
        path: of the file.
        images: key of the pictures, uint8 or floats in [0, 1].
        content: key of the content labels; None takes `content` or `labels`, and without either the pictures are a
            full grid of contents and styles.
        style: key of the style labels; None takes `style` where there is one.
        attributes: further labels: name, snake_case -> key of its labels, integers or text, one a picture. Every
            class is for training unless `attribute_splits` says otherwise.
        content_names: key of the names of the content classes; None names them by number.
        style_names: key of the names of the style classes.
        layout: how the pictures lie; None finds out, and asks where that is ambiguous.
        content_label: what the content is called.
        style_label: what the style is called.
        content_split: which contents are for training, validation and test.
        style_split: the same for styles.
        attribute_splits: the same for attributes, by name; one that is not listed is not split.

    Raises:
        ConfigError: a split of an attribute that is not there.
    """

    path: str
    images: str = "images"
    content: str | None = None
    style: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    content_names: str | None = None
    style_names: str | None = None
    layout: Layout | None = None
    content_label: str = "content"
    style_label: str = "style"
    content_split: SplitConfig = field(default_factory=SplitConfig)
    style_split: SplitConfig = field(default_factory=SplitConfig)
    attribute_splits: Mapping[str, SplitConfig] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_keys(self.attribute_splits, self.attributes, where="npz.attribute_splits", what="attribute")
