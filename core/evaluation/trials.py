"""What a figure was at every episode, kept so that two methods can be compared episode by episode."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unbraid.core.artefacts import read_tensors, write_tensors
from unbraid.core.evaluation.figure import Figure, Interval, Trials
from unbraid.core.evaluation.intervals import class_bootstrap_interval, normal_interval

CLASSES, ACCURACIES = "classes", "accuracies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """95 % intervals of a mean difference on the same episodes: for these classes, and for new ones."""

    episodes: Interval | None
    classes: Interval | None


def compare_trials(pairs: Iterable[tuple[Figure, Figure]]) -> Paired:
    """Give the intervals of `first - second`, averaged over pairs of runs that saw the same episodes.

    Args:
        pairs: figures of both methods, one pair a seed.

    Returns:
        No intervals where a figure has no trials or the episodes of the pairs differ.
    """
    first, second = zip(*((a.trials, b.trials) for a, b in pairs), strict=True)
    known = [trials for trials in (*first, *second) if trials is not None]
    same = len(known) == len(first) + len(second) and all(
        np.array_equal(trials.classes, known[0].classes) for trials in known
    )
    if not same:
        return Paired(episodes=None, classes=None)
    half = len(known) // 2
    difference = np.mean([a.accuracies - b.accuracies for a, b in zip(known[:half], known[half:], strict=True)], 0)
    classes = class_bootstrap_interval(difference, known[0].classes, seed=0, bounds=(-1.0, 1.0))
    return Paired(episodes=normal_interval(difference), classes=classes)


def save_trials(path: Path, figures: Iterable[Figure]) -> Path:
    """Write the trials of every figure that has some; the classes of shared episodes are written once.

    Args:
        path: safetensors file; the caller makes it whole or nothing.
        figures: of an evaluation.

    Raises:
        StorageError: the disk is full, read-only, or permission is missing.
    """
    tensors: dict[str, Tensor] = {}
    for figure in figures:
        if figure.trials is not None:
            tensors[f"{ACCURACIES}/{figure.name}"] = torch.from_numpy(figure.trials.accuracies)
            tensors[f"{CLASSES}/{_key(figure)}"] = torch.from_numpy(np.ascontiguousarray(figure.trials.classes))
    write_tensors(path, tensors)
    return path


def load_trials(path: Path, figures: Iterable[Figure]) -> tuple[Figure, ...]:
    """Give the figures with their trials; as they are where the file is missing, as of a version that kept none.

    Raises:
        DamagedArtefactError: the file is truncated or altered.
    """
    tensors = read_tensors(path) if path.is_file() else {}
    return tuple(_with_trials(figure, tensors) for figure in figures)


def _with_trials(figure: Figure, tensors: Mapping[str, Tensor]) -> Figure:
    accuracies, classes = tensors.get(f"{ACCURACIES}/{figure.name}"), tensors.get(f"{CLASSES}/{_key(figure)}")
    if accuracies is None or classes is None:
        return figure
    return replace(figure, trials=Trials(accuracies.double().numpy(), classes.long().numpy()))


def _key(figure: Figure) -> str:
    return str(figure.protocol.get("episode_hash", figure.name))
