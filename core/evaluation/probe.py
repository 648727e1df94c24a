"""Fresh attackers: what a classifier trained after the fact can read from a code."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.attackers import Attackers, train
from unbraid.core.evaluation.checks import check_finite, check_rows
from unbraid.core.evaluation.neighbours import read_by_neighbours
from unbraid.core.interfaces.draws import derive_seed

Array = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Name = TypeVar("Name")
Kind = Literal["linear", "two-layer", "nearest-neighbour"]
#: Kinds that are trained.
TRAINED: tuple[Kind, ...] = ("linear", "two-layer")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """How attackers are trained; a fixed budget, so that one figure costs the same as the next.

    Args:
        hidden: width of the two hidden layers of the two-layer attacker.
        epochs: passes over the training part, as far as `min_steps` and `max_steps` allow.
        min_steps: steps at least.
        max_steps: steps at most.
        batch: samples a step.
        learning_rate: highest rate of Adam for the two-layer attacker; it rises and falls over the run (one cycle).
        linear_rate: the same for the linear attacker.
        seeds: initialisations, trained side by side.
        test_share: share of each class kept for the test.
    """

    hidden: int = 256
    epochs: int = 20
    min_steps: int = 100
    max_steps: int = 2000
    batch: int = 128
    learning_rate: float = 3e-3
    linear_rate: float = 1e-2
    seeds: int = 3
    test_share: float = 0.25

    def steps(self, n: int) -> int:
        """Training steps for `n` samples."""
        return min(max(self.epochs * n // min(self.batch, n), self.min_steps), self.max_steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """What one kind of attacker read, mean over seeds: accuracies, and test cross-entropy in nats.

    `train_accuracy` of nearest neighbours is leave-one-out, and they know no seed. `cross_entropy_error` is the
    standard error over test samples.
    """

    kind: Kind
    accuracy: float
    train_accuracy: float
    cross_entropy: float
    cross_entropy_error: float
    accuracies: tuple[float, ...]  # of each seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What can be read from one code: every attack, and what guessing would give.

    `majority` is the test accuracy of always guessing the most frequent class of the training part; `entropy` is that
    of the test labels in nats, so `entropy - cross_entropy` bounds the information in the code from below.
    """

    attacks: tuple[Attack, ...]
    classes: int
    majority: float
    entropy: float
    n_train: int
    n_test: int

    @property
    def strongest(self) -> Attack:
        """The attacker with the highest test accuracy; an attacker's choice, so leakage is never under-stated."""
        return max(self.attacks, key=lambda attack: attack.accuracy)

    @property
    def best_coded(self) -> Attack:
        """The attacker with the lowest test cross-entropy."""
        return min(self.attacks, key=lambda attack: attack.cross_entropy)

    @property
    def nats(self) -> float:
        """Lower bound of the information about the label, in nats."""
        return max(0.0, self.entropy - self.best_coded.cross_entropy)

    @property
    def normalised(self) -> float:
        """Accuracy of the strongest attacker between guessing (0, also below it) and always right (1)."""
        if self.majority >= 1:
            return 0.0
        return max(0.0, (self.strongest.accuracy - self.majority) / (1 - self.majority))


def probe(
    codes: Mapping[Name, Array],
    labels: Ints,
    *,
    seed: int,
    settings: ProbeSettings | None = None,
    device: torch.device | str = "cpu",
) -> dict[Name, Probed]:
    """Attack several codes of the same samples with the same split, batches and initial seeds.

    Train and test part are split by sample within each class. Inputs are standardised with the training part. Codes
    of the same width train as one batch of networks. Of a code that is sampled several draws can be given: attackers
    train on all of them, for on a single one they learn its noise by heart; nearest neighbours see the first.

    Args:
        codes: name -> `(n, width)`, or `(draws, n, width)`.
        labels: `(n,)` what to read; rows with -1 are left out.
        seed: of split, batches and initialisations.
        settings: the budget.
        device: where to train.

    Returns:
        Name -> what was read.

    Raises:
        ProtocolError: there are fewer than two classes, a class with fewer than two samples, or codes and labels of
            different samples.
        NonFiniteError: a code is NaN or infinite.
    """
    settings = settings or ProbeSettings()
    for name, code in codes.items():
        check_rows("labels", len(labels), {f"codes {name}": code.shape[-2]})
        check_finite(f"codes {name}", code)
    rows = np.flatnonzero(labels >= 0)
    classes, target = np.unique(labels[rows], return_inverse=True)
    train_part, test_part = split_by_sample(target, settings.test_share, seed)
    chances = _chances(target, train_part, test_part, len(classes))
    found: dict[Name, Probed] = {}
    y = torch.from_numpy(target).to(device)
    parts = torch.from_numpy(train_part).to(device), torch.from_numpy(test_part).to(device)
    for names in _by_shape(codes):
        stacked = torch.from_numpy(np.stack([_drawn(codes[name])[:, rows] for name in names]).astype(np.float32))
        task = _Task(standardised(stacked.to(device), parts[0]), y, *parts, len(classes), seed, settings)
        attacks = [task.train(kind) for kind in TRAINED] + [[task.neighbours(m) for m in range(len(names))]]
        for name, each in zip(names, zip(*attacks, strict=True), strict=True):
            found[name] = Probed(attacks=each, **chances)
    return {name: found[name] for name in codes}


def split_by_sample(target: Ints, test_share: float, seed: int) -> tuple[Ints, Ints]:
    """Split samples within each class: positions of the training and of the test part.

    Args:
        target: `(n,)` class of each sample.
        test_share: share of each class that is tested, at least one sample.
        seed: of the split.

    Raises:
        ProtocolError: there are fewer than two classes, or a class with fewer than two samples.
    """
    counts = np.bincount(target) if len(target) else np.zeros(0)
    if len(counts) < 2 or counts.min() < 2:
        raise ProtocolError(
            "a probe needs two classes or more, with two samples or more of each",
            expected=">= 2 classes of >= 2 samples",
            found=f"{len(counts)} classes, the smallest of {int(counts.min()) if len(counts) else 0} samples",
            hint="label more samples, or leave rare classes out",
        )
    rng = np.random.default_rng(derive_seed(seed, "probe/split", 0))
    held = []
    for label in range(len(counts)):
        rows = rng.permutation(np.flatnonzero(target == label))
        held.append(rows[: max(1, round(test_share * len(rows)))])
    test = np.sort(np.concatenate(held)).astype(np.int64)
    return np.setdiff1d(np.arange(len(target), dtype=np.int64), test), test


def standardised(codes: torch.Tensor, fit: torch.Tensor) -> torch.Tensor:
    """Give codes `(M, draws, n, width)` the mean 0 and deviation 1 on the rows `fit`; dead numbers become 0."""
    fitted = codes[:, :, fit].flatten(1, 2)[:, None]
    mean, spread = fitted.mean(2, keepdim=True), fitted.std(2, keepdim=True, correction=0)
    return torch.where(spread > 1e-6, (codes - mean) / spread.clamp_min(1e-6), 0.0)


@dataclass(frozen=True, slots=True)
class _Task:
    """Codes `(M, draws, n, width)`, what to read from them, and how."""

    codes: torch.Tensor
    target: torch.Tensor
    train_part: torch.Tensor
    test_part: torch.Tensor
    classes: int
    seed: int
    settings: ProbeSettings

    def train(self, kind: Kind) -> list[Attack]:
        """Attack all codes with `settings.seeds` networks each; one result a code."""
        settings = self.settings
        nets = Attackers(
            sources=len(self.codes),
            seeds=settings.seeds,
            width=self.codes.shape[3],
            classes=self.classes,
            hidden=settings.hidden if kind == "two-layer" else None,
            seed=self.seed,
        ).to(self.codes.device)
        train(
            nets,
            *self._part(self.train_part),
            steps=settings.steps(len(self.train_part)),
            batch=min(settings.batch, len(self.train_part)),
            learning_rate=settings.linear_rate if kind == "linear" else settings.learning_rate,
            seed=self.seed,
        )
        fit, test = nets.measure(*self._part(self.train_part)), nets.measure(*self._part(self.test_part))
        return [
            Attack(
                kind=kind,
                accuracy=float(test.accuracy[m].mean()),
                train_accuracy=float(fit.accuracy[m].mean()),
                cross_entropy=float(test.cross_entropy[m].mean()),
                cross_entropy_error=float(test.deviation[m].mean()) / math.sqrt(len(self.test_part)),
                accuracies=tuple(test.accuracy[m].tolist()),
            )
            for m in range(len(self.codes))
        ]

    def neighbours(self, m: int) -> Attack:
        """Attack code m by nearest neighbours."""
        code, fit, test = self.codes[m, 0], self.train_part, self.test_part
        read = read_by_neighbours(code[fit], self.target[fit], code[test], self.target[test], self.classes)
        return Attack(
            kind="nearest-neighbour",
            accuracy=read.accuracy,
            train_accuracy=read.train_accuracy,
            cross_entropy=float(read.nats.mean()),
            cross_entropy_error=float(read.nats.std(correction=0)) / math.sqrt(len(test)),
            accuracies=(read.accuracy,),
        )

    def _part(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give all draws of some rows one after the other, `(M, draws * rows, width)`, and their classes."""
        return self.codes[:, :, rows].flatten(1, 2), self.target[rows].repeat(self.codes.shape[1])


def _drawn(code: Array) -> Array:
    return code if code.ndim == 3 else code[None]


def _by_shape(codes: Mapping[Name, Array]) -> list[list[Name]]:
    groups: dict[tuple[int, int], list[Name]] = defaultdict(list)
    for name, code in codes.items():
        groups[len(_drawn(code)), code.shape[-1]].append(name)
    return list(groups.values())


def _chances(target: Ints, train_part: Ints, test_part: Ints, classes: int) -> dict[str, Any]:
    common = np.bincount(target[train_part], minlength=classes).argmax()
    frequency = np.bincount(target[test_part], minlength=classes) / len(test_part)
    seen = frequency[frequency > 0]
    return {
        "classes": classes,
        "majority": float(frequency[common]),
        "entropy": float(-(seen * np.log(seen)).sum()),
        "n_train": len(train_part),
        "n_test": len(test_part),
    }
