"""Settings of torchvision's data sets; imports no torchvision."""

import difflib
from dataclasses import dataclass
from typing import Literal

from unbraid.core.data_files.sizes import check_size
from unbraid.core.errors import ConfigError
from unbraid.core.splits import SplitConfig

#: What can be read, and the size of its pictures unless told otherwise.
SIZES = {"MNIST": 28, "FashionMNIST": 28, "SVHN": 32, "Omniglot": 105, "CelebA": 64, "Flowers102": 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchvisionConfig:
    """Settings of `load_dataset("torchvision", ...)`.

    Args:
        dataset: name of torchvision's class: MNIST, FashionMNIST, SVHN, Omniglot, CelebA or Flowers102.
        root: folder that torchvision is given.
        download: lets torchvision fetch what is missing.
        size: height and width; None is 28 (MNIST, FashionMNIST), 32 (SVHN), 105 (Omniglot) or 64. Pictures that are not
            square lose their margins.
        part: an official part, or all of them, training first.
        style: attribute of CelebA that is labelled as style (`Smiling`); Omniglot always has its drawers.
        content_split: which classes are for training, validation and test; None is 70, 10 and 20 %.
        on_error: `raise` for a picture that cannot be read, when it is read; `skip` reads every file once at the start
            and leaves those out.

    Raises:
        ConfigError: there is no such data set, the size is below 8, or a style is asked of one that has no attributes.
    """

    dataset: str
    root: str
    download: bool = False
    size: int | None = None
    part: Literal["all", "train", "validation", "test"] = "all"
    style: str | None = None
    content_split: SplitConfig | None = None
    on_error: Literal["raise", "skip"] = "raise"

    def __post_init__(self) -> None:
        if self.dataset not in SIZES:
            raise _unknown(self.dataset)
        check_size("torchvision", self.pixels)
        if self.style is not None and self.dataset != "CelebA":
            raise ConfigError(
                f"torchvision: {self.dataset} has no attributes", expected="style only with CelebA", found=self.style
            )

    @property
    def pixels(self) -> int:
        """Height and width."""
        return SIZES[self.dataset] if self.size is None else self.size


def _unknown(name: str) -> ConfigError:
    folded = {known.casefold(): known for known in SIZES}
    near = [folded[each] for each in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]
    return ConfigError(
        f"torchvision: unknown data set {name!r}",
        expected=f"one of {', '.join(SIZES)}",
        found=repr(name),
        hint=f"did you mean {' or '.join(map(repr, near))}?" if near else None,
    )
