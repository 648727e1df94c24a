"""Fresh attackers: what a classifier trained after the fact can read from a code."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.attackers import Attackers, train
from unbraid.core.interfaces.draws import derive_seed

Array = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Name = TypeVar("Name")
Kind = Literal["linear", "two-layer"]
KINDS: tuple[Kind, ...] = ("linear", "two-layer")


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
    """What one kind of attacker read, mean over seeds: accuracies, and test cross-entropy in nats."""

    kind: Kind
    accuracy: float
    train_accuracy: float
    cross_entropy: float
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
    def nats(self) -> float:
        """Lower bound of the information about the label, in nats."""
        return max(0.0, self.entropy - min(attack.cross_entropy for attack in self.attacks))


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
    of the same width train as one batch of networks.

    Args:
        codes: name -> `(n, width)`.
        labels: `(n,)` what to read; rows with -1 are left out.
        seed: of split, batches and initialisations.
        settings: the budget.
        device: where to train.

    Returns:
        Name -> what was read.

    Raises:
        ProtocolError: there are fewer than two classes, or a class with fewer than two samples.
    """
    settings = settings or ProbeSettings()
    rows = np.flatnonzero(labels >= 0)
    classes, target = np.unique(labels[rows], return_inverse=True)
    train_part, test_part = split_by_sample(target, settings.test_share, seed)
    chances = _chances(target, train_part, test_part, len(classes))
    found: dict[Name, Probed] = {}
    for names in _by_width(codes):
        stacked = torch.from_numpy(np.stack([codes[name][rows] for name in names]).astype(np.float32)).to(device)
        y = torch.from_numpy(target).to(device)
        parts = torch.from_numpy(train_part).to(device), torch.from_numpy(test_part).to(device)
        attacks = {kind: _attack(kind, stacked, y, parts, len(classes), seed, settings) for kind in KINDS}
        for position, name in enumerate(names):
            found[name] = Probed(attacks=tuple(attacks[kind][position] for kind in KINDS), **chances)
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
        )
    rng = np.random.default_rng(derive_seed(seed, "probe/split", 0))
    held = []
    for label in range(len(counts)):
        rows = rng.permutation(np.flatnonzero(target == label))
        held.append(rows[: max(1, round(test_share * len(rows)))])
    test = np.sort(np.concatenate(held)).astype(np.int64)
    return np.setdiff1d(np.arange(len(target), dtype=np.int64), test), test


def _attack(
    kind: Kind,
    codes: torch.Tensor,
    target: torch.Tensor,
    parts: tuple[torch.Tensor, torch.Tensor],
    classes: int,
    seed: int,
    settings: ProbeSettings,
) -> list[Attack]:
    """Attack all codes `(M, n, width)` with `settings.seeds` networks each; one result a code."""
    train_part, test_part = parts
    fitted = codes[:, train_part]
    mean, spread = fitted.mean(1, keepdim=True), fitted.std(1, keepdim=True, correction=0)
    inputs = torch.where(spread > 1e-6, (codes - mean) / spread.clamp_min(1e-6), 0.0)
    nets = Attackers(
        sources=len(codes),
        seeds=settings.seeds,
        width=codes.shape[2],
        classes=classes,
        hidden=settings.hidden if kind == "two-layer" else None,
        seed=seed,
    ).to(codes.device)
    train(
        nets,
        inputs[:, train_part],
        target[train_part],
        steps=settings.steps(len(train_part)),
        batch=min(settings.batch, len(train_part)),
        learning_rate=settings.linear_rate if kind == "linear" else settings.learning_rate,
        seed=seed,
    )
    fit = nets.measure(inputs[:, train_part], target[train_part])
    test = nets.measure(inputs[:, test_part], target[test_part])
    return [
        Attack(
            kind=kind,
            accuracy=float(test.accuracy[m].mean()),
            train_accuracy=float(fit.accuracy[m].mean()),
            cross_entropy=float(test.cross_entropy[m].mean()),
            accuracies=tuple(test.accuracy[m].tolist()),
        )
        for m in range(len(codes))
    ]


def _by_width(codes: Mapping[Name, Array]) -> list[list[Name]]:
    groups: dict[int, list[Name]] = defaultdict(list)
    for name, code in codes.items():
        groups[code.shape[1]].append(name)
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
