"""Loading pictures and labels from one `.npz` file."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from unbraid.adapters.datasets.npz.config import NpzConfig
from unbraid.adapters.datasets.npz.pictures import as_bytes, channels_first, find_layout
from unbraid.core.data_files.archive import Archive
from unbraid.core.errors import LabelError
from unbraid.core.interfaces import Dataset, LabelSpec

Ints = npt.NDArray[np.int64]


def load(config: NpzConfig) -> Dataset:
    """Load a data set from a file; pictures become `(N, C, H, W)` uint8.

    Raises:
        DataError: the file is missing, damaged, holds pickled objects, or lacks a key.
        ImageError: the pictures are no pictures, or out of range.
        LabelError: labels of the wrong length or type.
    """
    with Archive(Path(config.path)) as archive:
        content_key = config.content or next((key for key in ("content", "labels") if key in archive), None)
        style_key = config.style or ("style" if "style" in archive else None)
        stored = archive.read(config.images)
        layout = config.layout or find_layout(stored.shape, has_labels=content_key is not None)
        if layout == "grid":
            labels = _grid_labels(archive, config, stored.shape)
        else:
            labels = {"content": _labels(archive, content_key or "content", config.content_names, len(stored))}
            if style_key is not None:
                labels["style"] = _labels(archive, style_key, config.style_names, len(stored))
        rows = len(labels["content"][0])
        attributes = {name: _labels(archive, key, None, rows) for name, key in config.attributes.items()}
    names = {role: names for role, (_, names) in labels.items()}
    splits = {"content": config.content_split.split(names["content"], label=config.content_label)}
    if "style" in names:
        splits["style"] = config.style_split.split_style(names["style"], label=config.style_label)
    for name, split in config.attribute_splits.items():
        splits[name] = split.split_style(attributes[name][1], label=name)
    return Dataset(
        name=f"npz:{Path(config.path).name}",
        images=as_bytes(channels_first(stored, layout)),
        content=LabelSpec(config.content_label, names["content"]),
        style=LabelSpec(config.style_label, names["style"]) if "style" in names else None,
        attributes={name: LabelSpec(name, classes) for name, (_, classes) in attributes.items()},
        labels={role: indices for role, (indices, _) in (labels | attributes).items()},
        splits=splits,
    )


def _grid_labels(
    archive: Archive, config: NpzConfig, shape: tuple[int, ...]
) -> dict[str, tuple[Ints, tuple[str, ...]]]:
    content, style = np.divmod(np.arange(shape[0] * shape[1], dtype=np.int64), max(shape[1], 1))
    return {
        "content": (content, _names(archive, config.content_names, shape[0])),
        "style": (style, _names(archive, config.style_names, shape[1])),
    }


def _names(archive: Archive, key: str | None, count: int) -> tuple[str, ...]:
    if key is None:
        return tuple(map(str, range(count)))
    names = tuple(map(str, archive.read(key).ravel()))
    if len(names) != count or len(set(names)) != count:
        raise LabelError(
            f"{archive.name}: {key!r} does not name the classes",
            expected=f"{count} different names",
            found=f"{len(names)} names, {len(set(names))} different",
        )
    return names


def _labels(archive: Archive, key: str, names_key: str | None, rows: int) -> tuple[Ints, tuple[str, ...]]:
    """Give class indices and class names of a label stored as integers or as text, one a picture."""
    stored = archive.read(key)
    if stored.shape != (rows,):
        raise LabelError(
            f"{archive.name}: {key!r} does not match the images",
            expected=f"{rows} labels, one an image",
            found=f"shape {stored.shape}",
        )
    if stored.dtype.kind in "US":
        texts = stored.astype(str)
        classes, found = np.unique(texts, return_inverse=True)
        return found.astype(np.int64), tuple(map(str, classes))
    if stored.dtype.kind not in "iu":
        raise LabelError(
            f"{archive.name}: {key!r} holds no labels", expected="integers (-1 is missing) or text", found=stored.dtype
        )
    return _integer_labels(archive, stored.astype(np.int64), key, names_key)


def _integer_labels(archive: Archive, stored: Ints, key: str, names_key: str | None) -> tuple[Ints, tuple[str, ...]]:
    if len(stored) and stored.min() < -1:
        raise LabelError(f"{archive.name}: {key!r} is out of range", expected=">= -1", found=int(stored.min()))
    if names_key is not None:
        names = tuple(map(str, archive.read(names_key).ravel()))
        if len(stored) and stored.max() >= len(names):
            raise LabelError(
                f"{archive.name}: {names_key!r} has too few names for {key!r}",
                expected=f"{int(stored.max()) + 1} names",
                found=len(names),
            )
        return stored, names
    classes = np.unique(stored[stored >= 0])  # numbers that do not occur are no classes
    indices = np.where(stored >= 0, np.searchsorted(classes, stored), -1)
    return indices.astype(np.int64), tuple(map(str, classes))
