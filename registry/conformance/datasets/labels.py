"""Labels and splits."""

import numpy as np

from unbraid.registry.conformance.check import Skip, check, require
from unbraid.registry.conformance.dataset_case import DatasetCase


@check("labels", "dataset")
def used(case: DatasetCase) -> None:
    """Every class has a row.

    Breaks: few-shot episodes of a class without rows cannot be drawn, and chance is computed from classes that are not there.

    Mend: build the class names from the labels, not from a list of what might come.
    """
    for role, spec in case.dataset.label_specs.items():
        seen = set(np.unique(case.dataset.labels[role]).tolist())
        empty = [name for index, name in enumerate(spec.classes) if index not in seen]
        require(not empty, f"classes of {spec.name} have no rows", expected="none", found=", ".join(empty[:5]))


@check("labels", "dataset")
def named(case: DatasetCase) -> None:
    """Classes of a label have different names.

    Breaks: tables and pictures show two classes as one.

    Mend: add what tells them apart to the name.
    """
    for spec in case.dataset.label_specs.values():
        twice = (
            sorted({name for name in spec.classes if spec.classes.count(name) > 1}) if len(spec.classes) < 5000 else []
        )
        require(not twice, f"classes of {spec.name} share a name", expected="different", found=", ".join(twice[:5]))


@check("labels", "dataset")
def splits(case: DatasetCase) -> None:
    """There are rows to train on, of two contents at least, and rows of contents that are only for testing.

    Breaks: a head trains on nothing, or is measured on what it has seen.

    Mend: give each split of the content some classes, with rows whose style is in that split too.
    """
    data = case.dataset
    training = data.training_rows()
    contents = len(np.unique(data.labels["content"][training])) if len(training) else 0
    require(contents >= 2, "there is nothing to tell apart in training", expected=">= 2 contents", found=contents)
    if not data.splits["content"].get("test"):
        raise Skip("no contents are kept for testing")
    require(
        len(data.rows(content="test")) > 0, "there is nothing to test on", expected="rows of test contents", found=0
    )
