"""Loading USPS."""

from typing import Any

import numpy as np
import numpy.typing as npt

from unbraid.adapters.datasets.usps.config import NATIVE_SIZE, UspsConfig
from unbraid.core.data_files.archive import Archive
from unbraid.core.data_files.locate import locate
from unbraid.core.data_files.resizing import resized
from unbraid.core.errors import DataError, LabelError
from unbraid.core.interfaces import Dataset, LabelSpec

FILE = "usps_16x16_uint16_div2000.npz"
SOURCE = "the set of The Elements of Statistical Learning, as counts of 1/2000"

#: The stored value of full ink.
FULL = 2000

NOTES = "Writers are not labelled: the same hand may be on both sides of any split. Ink is 255 on 0."


def load(config: UspsConfig) -> Dataset:
    """Load up to 9,298 digits `(1, size, size)`, ink 255 on 0.

    Raises:
        DataError: the file is missing, damaged or another one.
        LabelError: labels do not match the pictures.
    """
    folder = locate("usps", config.root, "usps", [FILE], source=SOURCE)
    parts = ("train", "test") if config.part == "all" else (config.part,)
    with Archive(folder / FILE) as archive:
        read = [_read(archive, part) for part in parts]
    pictures, labels = (np.concatenate(each) for each in zip(*read, strict=True))
    digits = tuple(map(str, range(10)))
    return Dataset(
        name=", ".join(["usps"] + [config.part] * (config.part != "all") + [f"{config.size} px"] * _scaled(config)),
        images=resized(pictures[:, None], config.size),
        content=LabelSpec("digit", digits),
        labels={"content": labels},
        splits={"content": config.content_split.split(digits, label="digit")},
        licence="none stated; made available by the neural network group at AT&T research labs",
        notes=NOTES,
    )


def _scaled(config: UspsConfig) -> bool:
    return config.size != NATIVE_SIZE


def _read(archive: Archive, part: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    images, labels = archive.read(f"{part}_images"), archive.read(f"{part}_labels")
    if images.shape[1:] != (NATIVE_SIZE, NATIVE_SIZE) or images.dtype != np.uint16 or images.max(initial=0) > FULL:
        raise DataError(
            f"{archive.name} is another file",
            expected=f"uint16 (N, {NATIVE_SIZE}, {NATIVE_SIZE}) up to {FULL}",
            found=f"{images.dtype} {images.shape}",
        )
    if labels.shape != (len(images),):
        raise LabelError(
            f"{archive.name}: {part} labels do not match the images",
            expected=f"{len(images)} labels, one an image",
            found=f"shape {labels.shape}",
        )
    return _as_bytes(images), labels.astype(np.int64)


def _as_bytes(images: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return np.rint(images * (255 / FULL)).astype(np.uint8)
