"""MNIST with writers, against what is published of MNIST and QMNIST."""

import gzip
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from unbraid.core.catalogue import load_dataset
from unbraid.core.data_files.idx import read_idx
from unbraid.core.errors import LabelError
from unbraid.core.interfaces import Dataset

#: MD5 of the uncompressed files of MNIST.
MNIST_MD5 = {"train-images-idx3-ubyte.gz": "6bbc9ace898e44ae57da46a324031adb"}


@pytest.fixture(scope="module")
def mnist(data_folder: Path) -> Dataset:
    return load_dataset("mnist-writers", root=str(data_folder))


@pytest.mark.parametrize(("file", "digest"), MNIST_MD5.items())
def test_the_pictures_are_mnist(data_folder: Path, file: str, digest: str) -> None:
    stored = gzip.decompress((data_folder / "mnist" / file).read_bytes())
    assert hashlib.md5(stored, usedforsecurity=False).hexdigest() == digest


def test_pixels_are_those_of_the_file(data_folder: Path, mnist: Dataset) -> None:
    stored = gzip.decompress((data_folder / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    rows = mnist.images[np.arange(60_000, 70_000)]
    assert rows.tobytes() == stored


def test_class_counts(mnist: Dataset) -> None:
    digits = mnist.labels["content"]
    train, test = digits[:60_000], digits[60_000:]
    assert np.bincount(train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_writers_of_train_and_test_are_others(data_folder: Path, mnist: Dataset) -> None:
    assert mnist.style is not None and mnist.style.count == 539 + 297
    known, unseen = (set(mnist.labels["style"][part]) for part in (slice(60_000), slice(60_000, None)))
    assert (len(known), len(unseen), known & unseen) == (539, 297, set())
    splits = mnist.splits["style"]
    assert set(splits["test"]) == unseen and {*splits["train"], *splits["validation"]} == known
    assert (mnist.rows(style="test") == np.arange(60_000, 70_000)).all()
    counts = np.bincount(mnist.labels["style"])[sorted(known)]
    assert (counts.min(), counts.max(), np.median(counts)) == (19, 131, 116)


def test_writer_names_are_nists_numbers(data_folder: Path, mnist: Dataset) -> None:
    raw = gzip.decompress((data_folder / "mnist" / "qmnist-train-labels-idx2-int.gz").read_bytes())
    table = np.frombuffer(raw[12:], ">i4").reshape(-1, 8)
    for row in (0, 1, 31_415, 59_999):
        assert mnist.style is not None
        assert int(mnist.style.classes[mnist.labels["style"][row]]) == table[row, 2]
        assert mnist.labels["content"][row] == table[row, 0]


@pytest.mark.parametrize("case", ["fewer", "shuffled", "other"])
def test_labels_that_do_not_match(data_folder: Path, tmp_path: Path, case: str) -> None:
    shutil.copytree(data_folder / "mnist", tmp_path / "mnist")
    labels = tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"
    stored = bytearray(gzip.decompress(labels.read_bytes()))
    if case == "fewer":
        stored[4:8] = (9_999).to_bytes(4, "big")
        stored.pop()
    elif case == "shuffled":
        stored[8:] = stored[:7:-1]
    else:
        shutil.copy(tmp_path / "mnist" / "train-labels-idx1-ubyte.gz", labels)
    if case != "other":
        labels.write_bytes(gzip.compress(bytes(stored)))
    wanted = "contradicts t10k-labels" if case == "shuffled" else r"t10k-labels-idx1-ubyte\.gz: labels do not match"
    with pytest.raises(LabelError, match=wanted):
        load_dataset("mnist-writers", root=str(tmp_path))


def test_labels_of_qmnist_have_the_documented_columns(data_folder: Path) -> None:
    table = read_idx(data_folder / "mnist" / "qmnist-test-labels-idx2-int.gz")
    assert table.shape == (60_000, 8) and table.dtype == np.int32 and (table[:, 6:] == 0).all()
