"""What cannot be done is refused in words."""

import dataclasses
import math

import numpy as np

from unbraid.core.errors import NonFiniteError, UnbraidError
from unbraid.core.interfaces import Dataset
from unbraid.registry.conformance.check import Failure, Skip, check
from unbraid.registry.conformance.method_case import MethodCase


@check("errors", "method")
def little_data(case: MethodCase) -> None:
    """Two contents with two pictures each train, or are refused with an error in words.

    Breaks: the first try of every new user, on a handful of pictures, ends in a shape error from deep inside torch.

    Mend: lower ways and batch to what there is, or raise `LabelError` with what was expected and found.
    """
    model, data = case.attach(), case.dataset
    labels = data.labels["content"]
    few = [
        np.flatnonzero((labels == content) & (data.labels["style"] == style))[:1]
        for content in (0, 1, 10, 14)
        for style in (0, 1)
    ]
    try:
        case.fit(model, steps=2, data=subset(data, np.concatenate(few)))
    except NonFiniteError as error:
        raise Failure("little data make the loss NaN", expected="a fit, or a refusal", found=error.problem) from error
    except UnbraidError:
        return


@check("errors", "method")
def settings(case: MethodCase) -> None:
    """A number out of its range is refused when the config is made, by an error in words.

    Breaks: a negative width is a crash deep inside torch; a learning rate of NaN trains a head of NaN for an hour.

    Mend: check ranges in `__post_init__` and raise `ConfigError` (or `ValueError`).
    """
    config = case.method().config
    if config is None:
        raise Skip("has nothing to set")
    numbers = [
        f.name for f in dataclasses.fields(config) if isinstance(getattr(config, f.name), float) and f.name in _RATES
    ]
    if not numbers:
        raise Skip("has no learning rate")
    for name in numbers:
        for value in (-1.0, math.nan):
            try:
                dataclasses.replace(config, **{name: value})
            except (UnbraidError, ValueError):
                continue
            raise Failure(f"{name}={value} is accepted", expected="a ConfigError", found="a config")


#: Settings whose range is beyond doubt.
_RATES = ("lr", "learning_rate", "dropout")


def subset(data: Dataset, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Dataset:
    """Give some rows of a data set as one of its own."""
    images = data.images[rows]
    return dataclasses.replace(data, images=images, labels={role: label[rows] for role, label in data.labels.items()})
