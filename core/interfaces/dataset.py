"""Labelled pictures with splits of their classes."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import DataError, LabelError
from unbraid.core.interfaces.specs import ImageSpec, LabelSpec

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

#: What an attribute may be called, and what it may not: the other roles there are.
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_TAKEN = ("content", "style", "rest")


class Images(Protocol):
    """Pictures that are read when asked for: `images[rows]` gives `(n, C, H, W)` uint8."""

    @property
    def shape(self) -> tuple[int, ...]:
        """`(N, C, H, W)`."""
        ...

    def __getitem__(self, rows: npt.NDArray[np.int64], /) -> npt.NDArray[np.uint8]:
        """Read the given rows."""
        ...


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Pictures, what their content, style and further attributes are called, and which classes are for training.

    Each label has a role: `content`, `style`, or the name of an attribute. Roles are what labels, splits, latents and
    samplers go by.

    Args:
        name: of the data set, with its options where they matter.
        images: `(N, C, H, W)` uint8, an array or anything that reads rows on demand.
        content: what labels name (character, digit, person).
        style: what varies within it and is labelled too (typeface, writer); None where there is none.
        attributes: further labels, name -> label, say `{"beard": LabelSpec("beard", ("no", "yes"))}`; names are
            snake_case and serve as roles.
        labels: role -> `(N,)` int64 class indices, -1 where missing; `content` always, every other role there is.
        splits: role -> split -> class indices; disjoint, together all classes. An attribute without an entry is not
            split: all its classes are for training, and rows without a label of it are too.
        licence: of the pictures.
        notes: what to know before trusting a number.
        factors: known generative factors, name -> `(N,)` int64 class indices, where the pictures were made from
            numbers; for metrics only, never for training, and not part of the fingerprint. A factor that heads may
            learn from is an attribute as well.

    Raises:
        LabelError: labels or factors of the wrong length or range, a style or attribute of a single class, an attribute
            of a malformed name, or splits that overlap.
    """

    name: str
    images: Images
    content: LabelSpec
    style: LabelSpec | None = None
    attributes: Mapping[str, LabelSpec] = field(default_factory=dict)
    labels: Mapping[str, npt.NDArray[np.int64]]
    splits: Mapping[str, Mapping[Split, tuple[int, ...]]]
    licence: str = ""
    notes: str = ""
    factors: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    _fingerprint: list[str] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        # `dataclasses.replace` hands on what was computed for other pictures and labels
        object.__setattr__(self, "_fingerprint", [])
        if len(self.images.shape) != 4:
            raise DataError(
                f"{self.name}: images must be N x C x H x W", expected="4 dimensions", found=self.images.shape
            )
        for name in self.attributes:
            self._check_attribute(name)
        for role, spec in self.label_specs.items():
            self._check_role(role, spec)
        for name, values in self.factors.items():
            self._check_factor(name, values)

    def __len__(self) -> int:
        return self.images.shape[0]

    @property
    def image_spec(self) -> ImageSpec:
        """Size of the pictures."""
        return ImageSpec(*self.images.shape[1:])

    @property
    def label_specs(self) -> dict[str, LabelSpec]:
        """Role -> label, for the roles the data set has: content, style, then the attributes."""
        return {"content": self.content} | ({"style": self.style} if self.style else {}) | dict(self.attributes)

    def rows(self, /, **splits: Split | None) -> npt.NDArray[np.int64]:
        """Give the rows whose labels belong to the given splits.

        Args:
            splits: role -> split; None or absent takes all. `rows(content="test", style="train")` are unseen contents
                in seen styles. Rows without a label of a role are in none of its splits, unless it is not split.
        """
        chosen = np.ones(len(self), dtype=bool)
        for role, split in splits.items():
            if split is not None and role in self.labels:
                chosen &= self._within(role, split)
        return np.flatnonzero(chosen)

    def training_rows(self, *, unlabelled: bool = False) -> npt.NDArray[np.int64]:
        """Give the rows whose classes are for training in every role.

        Args:
            unlabelled: also those whose content has no label, for methods that learn from such rows.
        """
        chosen = np.ones(len(self), dtype=bool)
        for role in self.label_specs:
            chosen &= self._within(role, "train") | (unlabelled and role == "content" and self.labels[role] < 0)
        return np.flatnonzero(chosen)

    def test_rows(self) -> npt.NDArray[np.int64]:
        """Give the rows whose class is for testing in any role."""
        chosen = np.zeros(len(self), dtype=bool)
        for role in self.label_specs:
            chosen |= self._within(role, "test")
        return np.flatnonzero(chosen)

    def closed_set(self, role: str = "content", seed: int = 0) -> npt.NDArray[np.int8]:
        """Split by sample instead of by class: 0 train (80 %), 1 validation, 2 test (10 % each), within every class.

        Returns:
            `(N,)` int8; rows without a label are in training.
        """
        parts = np.zeros(len(self), dtype=np.int8)
        rng = np.random.default_rng(seed)
        for label in range(self.label_specs[role].count):
            rows = rng.permutation(np.flatnonzero(self.labels[role] == label))
            tenth = max(1, len(rows) // 10) if len(rows) >= 3 else 0
            parts[rows[:tenth]] = 2
            parts[rows[tenth : 2 * tenth]] = 1
        return parts

    @property
    def fingerprint(self) -> str:
        """Hash of pictures and labels; computed once."""
        if not self._fingerprint:
            digest = hashlib.sha256(f"{self.images.shape}".encode())
            for start in range(0, len(self), 4096):
                digest.update(np.ascontiguousarray(self.images[np.arange(start, min(start + 4096, len(self)))]).data)
            for role in sorted(self.labels):
                digest.update(role.encode())
                digest.update(np.ascontiguousarray(self.labels[role], dtype="<i8").data)
            self._fingerprint.append(f"sha256:{digest.hexdigest()}")
        return self._fingerprint[0]

    def _within(self, role: str, split: Split) -> npt.NDArray[np.bool_]:
        """Which rows have a class of that split, `(N,)`; without splits, all are for training."""
        if role not in self.splits:
            return np.full(len(self), split == "train")
        return np.isin(self.labels[role], self.splits[role].get(split, ()))

    def _check_attribute(self, name: str) -> None:
        if name in _TAKEN or not _ATTRIBUTE.fullmatch(name):
            raise LabelError(
                f"{self.name}: an attribute cannot be called {name!r}",
                expected=f"snake_case, and none of {', '.join(_TAKEN)}",
                found=repr(name),
            )

    def _check_role(self, role: str, spec: LabelSpec) -> None:
        if role not in self.labels:
            raise LabelError(
                f"{self.name}: labels of role {role!r} are missing",
                expected=f"({len(self)},) integers for {spec.name!r}",
                found=f"labels of {', '.join(self.labels) or 'no role'}",
            )
        if role != "content" and spec.count < 2:
            kind = "style" if role == "style" else "attribute"
            raise LabelError(
                f"{self.name}: {spec.name!r} is no {kind}",
                expected="at least 2 classes, so that something varies",
                found=f"{spec.count}: {', '.join(spec.classes) or '(none)'}",
                hint=f"leave the {kind} label out",
            )
        labels = self.labels[role]
        if labels.shape != (len(self),):
            raise LabelError(
                f"{self.name}: labels of {spec.name!r} do not match the images",
                expected=f"{len(self)} labels, one an image",
                found=f"shape {labels.shape}",
            )
        if len(labels) and (labels.min() < -1 or labels.max() >= spec.count):
            raise LabelError(
                f"{self.name}: labels of {spec.name!r} are out of range",
                expected=f"-1 (missing) .. {spec.count - 1}",
                found=f"{labels.min()} .. {labels.max()}",
            )
        if role in self.attributes and role not in self.splits:
            return
        listed = [c for split in SPLITS for c in self.splits.get(role, {}).get(split, ())]
        if sorted(listed) != list(range(spec.count)):
            raise LabelError(
                f"{self.name}: the splits of {spec.name!r} must hold every class once",
                expected=f"{spec.count} classes in train, validation and test together",
                found=f"{len(listed)} entries, {len(set(listed))} different",
            )

    def _check_factor(self, name: str, values: npt.NDArray[np.int64]) -> None:
        if values.shape != (len(self),) or values.dtype != np.int64 or (len(values) and values.min() < 0):
            raise LabelError(
                f"{self.name}: values of factor {name!r} do not match the images",
                expected=f"({len(self)},) int64 class indices from 0",
                found=f"shape {values.shape}, {values.dtype}",
            )
