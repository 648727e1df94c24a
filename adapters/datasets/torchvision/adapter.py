"""Loading what torchvision reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unbraid.adapters.datasets.torchvision.config import TorchvisionConfig
from unbraid.adapters.datasets.torchvision.sources import SOURCES, Bytes, Rows, Source
from unbraid.core.data_files.pictures import FileImages
from unbraid.core.data_files.resizing import resized
from unbraid.core.errors import ConfigError, DataError, EnvironmentFault, MissingDependencyError, UnbraidError
from unbraid.core.interfaces import Dataset, Images, LabelSpec, Split
from unbraid.core.splits import SplitConfig, split_classes

#: Shares of the classes of an official training part that shares none with the test part.
TRAIN_AND_VALIDATION = (7, 1, 0)


def load(config: TorchvisionConfig) -> Dataset:
    """Load a data set of torchvision; pictures in files are decoded when they are asked for.

    Raises:
        ConfigError: the data set has no such part or attribute.
        DataError: it is not in the folder, or a picture is damaged.
        EnvironmentFault: it could not be downloaded.
    """
    source = SOURCES[config.dataset]
    parts = list(source.parts) if config.part == "all" else [config.part]
    if config.part not in ("all", *source.parts):
        raise ConfigError(
            f"torchvision: {config.dataset} has no part {config.part!r}",
            expected=f"all, {', '.join(source.parts)}",
            found=config.part,
        )
    read = {part: source.read(_open(config, source, part), config.style) for part in parts}
    if config.on_error == "skip":
        read = {part: _without_damage(rows, config, source) for part, rows in read.items()}
    contents = [name for rows in read.values() for name in rows.contents]
    styles = [name for rows in read.values() for name in rows.styles or ()]
    content, style = LabelSpec(source.content, _classes(contents)), None
    labels = {"content": _indices(contents, content)}
    splits = {"content": _content_splits(config, source, read, content)}
    if styles:
        style = LabelSpec(config.style or source.style or "style", _classes(styles))
        labels["style"] = _indices(styles, style)
        splits["style"] = _style_splits(style, read)
    return Dataset(
        name=f"torchvision:{config.dataset}, {config.part}, {config.pixels} px",
        images=_images([rows.pictures for rows in read.values()], config, source),
        content=content,
        style=style,
        labels=labels,
        splits=splits,
        licence=source.licence,
        notes=source.notes,
    )


def _open(config: TorchvisionConfig, source: Source, part: str) -> Any:
    """Make torchvision's object, and say in one error what is wrong where it cannot be made."""
    try:
        return source.make(config.root, download=config.download, **source.parts[part])
    except UnbraidError:
        raise
    except ImportError as error:
        raise MissingDependencyError(
            f"torchvision: {config.dataset} needs another package", found=str(error)
        ) from error
    except (RuntimeError, OSError, ValueError, IndexError) as error:
        if config.download:
            raise EnvironmentFault(
                f"torchvision: {config.dataset} could not be downloaded",
                expected=f"a way to its server, and room in {config.root}",
                found=str(error),
                hint="fetch it elsewhere and set root to its folder",
            ) from error
        raise DataError(
            f"torchvision: {config.dataset} is not in {config.root}, or damaged",
            expected="what torchvision stores there (docs.pytorch.org/vision/stable/datasets.html)",
            found=str(error) if Path(config.root).is_dir() else "no such folder",
            hint="set root to the folder given to torchvision, or download=true to fetch it",
        ) from error


def _without_damage(rows: Rows, config: TorchvisionConfig, source: Source) -> Rows:
    if isinstance(rows.pictures, np.ndarray):
        return rows
    images = FileImages(rows.pictures, size=config.pixels, colour=source.colour)
    keep = [number for number, file in enumerate(rows.pictures) if images.readable(file)]
    styles = None if rows.styles is None else [rows.styles[each] for each in keep]
    return Rows([rows.pictures[each] for each in keep], [rows.contents[each] for each in keep], styles)


def _images(pictures: Sequence[Bytes | Sequence[Path]], config: TorchvisionConfig, source: Source) -> Images:
    arrays = [each for each in pictures if isinstance(each, np.ndarray)]
    if arrays:
        return resized(np.concatenate(arrays), config.pixels)
    files = [file for each in pictures if not isinstance(each, np.ndarray) for file in each]
    return FileImages(files, size=config.pixels, colour=source.colour)


def _classes(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _indices(names: Sequence[str], spec: LabelSpec) -> Any:
    index = {name: number for number, name in enumerate(spec.classes)}
    return np.array([index[name] for name in names], dtype=np.int64)


def _content_splits(
    config: TorchvisionConfig, source: Source, read: dict[str, Rows], content: LabelSpec
) -> dict[Split, tuple[int, ...]]:
    if config.content_split is not None or not source.parts_share_no_class or config.part != "all":
        return (config.content_split or SplitConfig()).split(content.classes, label=content.name)
    index = {name: number for number, name in enumerate(content.classes)}
    train, test = (sorted(set(read[part].contents)) for part in ("train", "test"))
    splits: dict[Split, tuple[int, ...]] = {
        split: tuple(sorted(index[train[each]] for each in classes))
        for split, classes in split_classes(train, TRAIN_AND_VALIDATION).items()
    }
    splits["test"] = tuple(sorted(index[name] for name in test))
    return splits


def _style_splits(style: LabelSpec, read: dict[str, Rows]) -> dict[Split, tuple[int, ...]]:
    """Split drawers with the official parts, which share none; the values of an attribute are all for training."""
    late = (
        set(read["test"].styles or ()) - set(read["train"].styles or ()) if {"train", "test"} <= read.keys() else set()
    )
    numbers = range(style.count)
    test = tuple(each for each in numbers if style.classes[each] in late)
    return {"train": tuple(each for each in numbers if each not in test), "validation": (), "test": test}
