"""What is known of each data set: its parts, where its pictures and labels are, its terms."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torchvision.datasets as tv

from unbraid.core.errors import ConfigError

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """What a part holds: pictures `(N, C, H, W)` or their files, and names of contents and styles, one a row."""

    pictures: Bytes | Sequence[Path]
    contents: Sequence[str]
    styles: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One data set of torchvision.

    Args:
        make: torchvision's class.
        parts: part -> arguments of the class.
        read: gives the rows of an object of the class; its second argument is the CelebA attribute.
        content: what the content is called.
        style: what the style is called, where it is fixed.
        colour: whether the pictures have three channels.
        licence: of the pictures.
        notes: what to know before trusting a number.
        parts_share_no_class: whether the official parts split the classes.
    """

    make: Callable[..., Any]
    parts: Mapping[str, Mapping[str, Any]]
    read: Callable[[Any, str | None], Rows]
    content: str
    style: str | None = None
    colour: bool = True
    licence: str
    notes: str = ""
    parts_share_no_class: bool = False


def _idx(data: Any, _style: str | None) -> Rows:
    return Rows(data.data.numpy()[:, None], [data.classes[each] for each in data.targets.tolist()])


def _svhn(data: Any, _style: str | None) -> Rows:
    return Rows(data.data, [str(each) for each in data.labels])


def _omniglot(data: Any, _style: str | None) -> Rows:
    # torchvision keeps these to itself; the public way decodes every picture to tell its label
    characters: list[str] = data._characters
    listed: list[tuple[str, int]] = data._flat_character_images
    folder = Path(data.target_folder)
    names = [Path(characters[index]).as_posix() for _, index in listed]
    alphabets = [name.split("/")[0] for name in names]
    return Rows(
        [folder / characters[index] / file for file, index in listed],
        names,
        [f"{alphabet}/drawer{Path(file).stem[-2:]}" for alphabet, (file, _) in zip(alphabets, listed, strict=True)],
    )


def _celeba(data: Any, style: str | None) -> Rows:
    folder = Path(data.root) / data.base_folder / "img_align_celeba"
    people = [f"{each:05d}" for each in data.identity[:, 0].tolist()]
    return Rows([folder / name for name in data.filename], people, None if style is None else _attribute(data, style))


def _attribute(data: Any, style: str) -> list[str]:
    names = [name for name in data.attr_names if name]
    if style not in names:
        near = difflib.get_close_matches(style, names, n=3, cutoff=0.5)
        raise ConfigError(
            f"torchvision: CelebA has no attribute {style!r}",
            expected=f"one of {', '.join(names)}",
            found=repr(style),
            hint=f"did you mean {' or '.join(map(repr, near))}?" if near else None,
        )
    return [("no", "yes")[each] for each in data.attr[:, names.index(style)].tolist()]


def _flowers(data: Any, _style: str | None) -> Rows:
    return Rows(data._image_files, [data.classes[each] for each in data._labels])  # not public, but lazy


_TRAIN_TEST = {"train": {"train": True}, "test": {"train": False}}

SOURCES = {
    "MNIST": Source(
        make=tv.MNIST,
        parts=_TRAIN_TEST,
        read=_idx,
        content="digit",
        colour=False,
        licence="LeCun, Cortes, Burges; CC BY-SA 3.0 as a mirror states",
        notes="Ink is 255 on 0. The official parts share digits but no writers.",
    ),
    "FashionMNIST": Source(
        make=tv.FashionMNIST,
        parts=_TRAIN_TEST,
        read=_idx,
        content="garment",
        colour=False,
        licence="MIT (c) 2017 Zalando SE",
        notes="Garments are bright on black.",
    ),
    "SVHN": Source(
        make=tv.SVHN,
        parts={"train": {"split": "train"}, "test": {"split": "test"}},
        read=_svhn,
        content="digit",
        licence="for non-commercial use only, Netzer et al. 2011",
    ),
    "Omniglot": Source(
        make=tv.Omniglot,
        parts={"train": {"background": True}, "test": {"background": False}},
        read=_omniglot,
        content="character",
        style="drawer",
        colour=False,
        licence="MIT (c) 2015 Brenden Lake",
        notes="Ink is 0 on 255, as stored. Background alphabets are for training and validation, evaluation ones for test.",
        parts_share_no_class=True,
    ),
    "CelebA": Source(
        make=tv.CelebA,
        parts={"train": {"split": "train"}, "validation": {"split": "valid"}, "test": {"split": "test"}},
        read=_celeba,
        content="person",
        licence="for non-commercial research only, Liu et al. 2015",
        notes="People are famous and were not asked; some identities are wrong.",
    ),
    "Flowers102": Source(
        make=tv.Flowers102,
        parts={"train": {"split": "train"}, "validation": {"split": "val"}, "test": {"split": "test"}},
        read=_flowers,
        content="flower",
        licence="none stated, Nilsback and Zisserman 2008",
        notes="The official parts share all classes.",
    ),
}
