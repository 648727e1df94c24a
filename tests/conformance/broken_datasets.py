"""A data set for every check of data sets that breaks its promise; each is the toy data set with one mistake."""

import dataclasses

import numpy as np
from broken import Broken

from unbraid import LabelSpec
from unbraid.registry import DatasetSpec
from unbraid.registry.conformance.held import hold
from unbraid.registry.conformance.toys import toy_dataset

ALL: dict[str, Broken] = {}


def breaks(check, *implies):
    """Enter a function that changes the toy data set."""

    def enter(change):
        ALL[check] = Broken(make=lambda: lambda: change(toy_dataset()), implies=implies)
        return change

    return enter


@breaks("contract.loads")
def _(data):
    raise OSError("no such file")


@breaks("contract.licence")
def _(data):
    return dataclasses.replace(data, licence="")


@breaks("contract.fingerprint")
def _(data):
    noise = np.random.default_rng().integers(0, 50, data.images.shape, dtype=np.uint8)
    return dataclasses.replace(data, images=data.images // 2 + noise)


def _letters(config):
    return toy_dataset()


ALL["contract.roles"] = Broken(
    make=lambda: DatasetSpec(name="broken", target=hold(_letters), summary="broken", content="letter")
)


@breaks("pictures.as-bytes", "pictures.varied")
def _(data):
    return dataclasses.replace(data, images=(data.images / 255).astype(np.float32))


class Sorted:
    """Reads rows in the order of the file, whatever was asked."""

    def __init__(self, images):
        self.images = images
        self.shape = images.shape

    def __getitem__(self, rows):
        return self.images[np.sort(rows)]


@breaks("pictures.rows")
def _(data):
    return dataclasses.replace(data, images=Sorted(data.images))


@breaks("pictures.varied")
def _(data):
    return dataclasses.replace(data, images=data.images // 200)


@breaks("labels.used")
def _(data):
    content = LabelSpec("pattern", (*data.content.classes, "never seen"))
    splits = {**data.splits["content"], "test": (*data.splits["content"]["test"], data.content.count)}
    return dataclasses.replace(data, content=content, splits={**data.splits, "content": splits})


@breaks("labels.named")
def _(data):
    return dataclasses.replace(data, content=LabelSpec("pattern", ("p1", *data.content.classes[1:])))


@breaks("labels.splits")
def _(data):
    contents = {"train": (0,), "validation": (), "test": tuple(range(1, data.content.count))}
    return dataclasses.replace(data, splits={**data.splits, "content": contents})
