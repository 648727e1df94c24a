"""Loading MNIST with the writer of every digit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unbraid.adapters.datasets.mnist_writers.config import NATIVE_SIZE, MnistWritersConfig
from unbraid.core.data_files.idx import read_idx
from unbraid.core.data_files.locate import locate
from unbraid.core.data_files.resizing import resized
from unbraid.core.errors import DataError, LabelError
from unbraid.core.interfaces import Dataset, LabelSpec, Split
from unbraid.core.splits import split_classes

#: Part -> pictures, digits and extended labels.
FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "qmnist-train-labels-idx2-int.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", "qmnist-test-labels-idx2-int.gz"),
}
SOURCE = "get MNIST and the labels of https://github.com/facebookresearch/qmnist"

#: Columns of QMNIST's extended labels.
DIGIT, WRITER = 0, 2

#: Shares of MNIST's training writers for training and validation; the seed was fixed before anything was trained.
SHARES = (9, 1, 0)
SEED = 0

NOTES = (
    "Test writers are those of MNIST's test set, none of whom wrote a training digit; validation writers are a tenth of "
    "MNIST's training writers. Ink is 255 on 0."
)


@dataclass(frozen=True, slots=True)
class _Part:
    pictures: npt.NDArray[np.uint8]
    digits: npt.NDArray[np.int64]
    writers: npt.NDArray[np.int64]


def load(config: MnistWritersConfig) -> Dataset:
    """Load 70,000 digits `(1, size, size)`, ink 255 on 0; the training part first, in the official order.

    Raises:
        DataError: a file is missing, damaged, or another one.
        LabelError: labels do not match the pictures, or the two label files contradict each other.
    """
    files = [file for part in FILES.values() for file in part]
    folder = locate("mnist-writers", config.root, "mnist", files, source=SOURCE)
    train, test = (_read(folder, *names) for names in FILES.values())
    ids = np.concatenate([train.writers, test.writers])
    writers, style = np.unique(ids, return_inverse=True)
    names = tuple(f"{writer:04d}" for writer in writers)
    digits = tuple(map(str, range(10)))
    return Dataset(
        name="mnist-writers" if config.size == NATIVE_SIZE else f"mnist-writers, {config.size} px",
        images=resized(np.concatenate([train.pictures, test.pictures])[:, None], config.size),
        content=LabelSpec("digit", digits),
        style=LabelSpec("writer", names),
        labels={"content": np.concatenate([train.digits, test.digits]), "style": style.astype(np.int64)},
        splits={
            "content": config.content_split.split(digits, label="digit"),
            "style": _writer_splits(writers, names, train.writers, test.writers),
        },
        licence="MNIST (LeCun, Cortes, Burges), CC BY-SA 3.0 as its mirror states; QMNIST labels BSD-3-Clause",
        notes=NOTES,
    )


def _read(folder: Path, pictures: str, digits: str, extended: str) -> _Part:
    images, classes, table = (read_idx(folder / name) for name in (pictures, digits, extended))
    if images.dtype != np.uint8 or images.shape[1:] != (NATIVE_SIZE, NATIVE_SIZE):
        raise _misfit(folder / pictures, f"bytes (N, {NATIVE_SIZE}, {NATIVE_SIZE})", images)
    if classes.shape != (len(images),) or classes.max(initial=0) > 9:
        raise LabelError(
            f"{folder / digits}: labels do not match the images",
            expected=f"{len(images)} digits, one an image",
            found=f"shape {classes.shape}, largest {classes.max(initial=0)}",
        )
    if table.ndim != 2 or table.shape[1] <= WRITER or len(table) < len(images):
        raise _misfit(folder / extended, f"at least {len(images)} rows of QMNIST's extended labels", table)
    table = table[: len(images)].astype(np.int64)  # QMNIST's test labels go on where MNIST's test set ends
    wrong = np.flatnonzero(table[:, DIGIT] != classes)
    if len(wrong):
        raise LabelError(
            f"{folder / extended} contradicts {digits}",
            expected="the same digit in every row",
            found=f"{len(wrong)} rows differ, the first is row {wrong[0]}",
        )
    return _Part(images, classes.astype(np.int64), table[:, WRITER])


def _writer_splits(
    writers: npt.NDArray[np.int64],
    names: tuple[str, ...],
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
) -> dict[Split, tuple[int, ...]]:
    both = np.intersect1d(train, test)
    if len(both):
        raise LabelError(
            "mnist-writers: writers are in both parts",
            expected="no writer in training and test",
            found=f"{len(both)}: {both[:5]}",
        )
    known = np.flatnonzero(np.isin(writers, train))
    shared = split_classes([names[each] for each in known], SHARES, SEED)
    splits: dict[Split, tuple[int, ...]] = {
        split: tuple(int(known[each]) for each in classes) for split, classes in shared.items()
    }
    return {**splits, "test": tuple(map(int, np.flatnonzero(np.isin(writers, test))))}


def _misfit(path: Path, expected: str, found: npt.NDArray[Any]) -> DataError:
    return DataError(f"{path} is another file", expected=expected, found=f"{found.dtype} {found.shape}", hint=SOURCE)
