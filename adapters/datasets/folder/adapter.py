"""Loading a folder of pictures."""

from collections import Counter
from pathlib import Path

import numpy as np

from unbraid.adapters.datasets.folder.config import FolderConfig
from unbraid.adapters.datasets.folder.labels import read_labels
from unbraid.core.data_files.pictures import SUFFIXES, FileImages, unreadable
from unbraid.core.errors import DataError, LabelError
from unbraid.core.interfaces import Dataset, LabelSpec

#: What file managers leave behind.
_CLUTTER = ("thumbs.db", "desktop.ini")


def load(config: FolderConfig) -> Dataset:
    """Load a data set from a folder of class folders; pictures are decoded when they are asked for.

    Raises:
        DataError: the folder is missing or empty, a class has no picture, or a file is none.
        LabelError: a class has a single picture, or the CSV file does not fit.
    """
    root = Path(config.path)
    classes = _class_folders(root)
    files = [file for folder in classes for file in _pictures(folder, config)]
    images = FileImages(files, size=config.size, colour=config.colour, fit=config.fit)
    if config.on_error == "skip":
        files = [file for file in files if images.readable(file)]
        images = FileImages(files, size=config.size, colour=config.colour, fit=config.fit)
    names = tuple(folder.name for folder in classes)
    _check_counts(names, files)
    labels = {"content": np.array([names.index(file.parent.name) for file in files], dtype=np.int64)}
    splits = {"content": config.content_split.split(names, label=config.content_label)}
    style = None
    if config.style is not None:
        labels["style"], styles = read_labels(Path(config.style), root, files)
        style = LabelSpec(config.style_label, styles)
        splits["style"] = config.style_split.split_style(styles, label=config.style_label)
    attributes = {}
    for attribute, table in config.attributes.items():
        labels[attribute], classes_of = read_labels(Path(table), root, files)
        attributes[attribute] = LabelSpec(attribute, classes_of)
    return Dataset(
        name=f"folder:{root.resolve().name}",
        images=images,
        content=LabelSpec(config.content_label, names),
        style=style,
        attributes=attributes,
        labels=labels,
        splits=splits,
    )


def _class_folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise DataError("there is no such folder", expected="a folder with a folder for each class", found=str(root))
    folders = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not folders:
        raise DataError(f"{root} has no classes", expected="a folder of pictures for each class", found="no folders")
    return folders


def _pictures(folder: Path, config: FolderConfig) -> list[Path]:
    """List the pictures of a class in the order of their names."""
    found = []
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or file.name.lower() in _CLUTTER:
            continue
        if file.suffix.lower() in SUFFIXES and file.is_file():
            found.append(file)
        elif config.on_error == "raise":
            raise unreadable(file, "a folder" if file.is_dir() else f"a file named {file.suffix or 'without a suffix'}")
    return found


def _check_counts(names: tuple[str, ...], files: list[Path]) -> None:
    counts = Counter(file.parent.name for file in files)
    for name in names:
        if counts[name] == 0:
            raise DataError(
                f"class {name!r} has no pictures", expected="at least 2", found="an empty folder", hint="remove it"
            )
        if counts[name] == 1:
            raise LabelError(
                f"class {name!r} has a single picture",
                expected="at least 2, so that something can be compared",
                found="1",
                hint="add pictures or remove the class",
            )
