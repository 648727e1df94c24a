"""A classifier trained on real codes, to judge made ones."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.attackers import Attackers, train
from unbraid.core.evaluation.checks import check_finite, check_rows
from unbraid.core.evaluation.probe import ProbeSettings

Array = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Judge:
    """A two-layer classifier of codes.

    Args:
        network: what was trained.
        classes: `(C,)` the labels it knows.
        mean: `(width,)` of the codes it was trained on.
        spread: `(width,)` their deviation.
        device: where it computes.
    """

    network: Attackers
    classes: Ints
    mean: Array
    spread: Array
    device: torch.device | str

    def __call__(self, codes: Array) -> Ints:
        """Say the label of each code `(n, width)`: `(n,)`."""
        self.network.eval()
        with torch.no_grad():
            logits = self.network(self._scaled(codes)[None])[0]
        found: Ints = self.classes[logits.argmax(1).cpu().numpy()]
        return found

    def _scaled(self, codes: Array) -> torch.Tensor:
        return torch.from_numpy(((codes - self.mean) / self.spread).astype(np.float32)).to(self.device)


def train_judge(
    codes: Array,
    labels: Ints,
    *,
    seed: int,
    settings: ProbeSettings | None = None,
    device: torch.device | str = "cpu",
) -> Judge:
    """Train a judge with the budget of a probe.

    Args:
        codes: `(n, width)` real ones.
        labels: `(n,)` of at least two classes, none missing.
        seed: of initialisation and batches.
        settings: the budget.
        device: where to train.

    Raises:
        ProtocolError: codes and labels are of different samples, or of a single class.
        NonFiniteError: a code is NaN or infinite.
    """
    settings = settings or ProbeSettings()
    check_rows("labels", len(labels), {"codes": len(codes)})
    check_finite("codes", codes)
    classes, target = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ProtocolError(
            "a judge needs classes to tell apart",
            expected=">= 2 classes",
            found=len(classes),
            hint="evaluate on rows of several classes",
        )
    spread = codes.std(0)
    network = Attackers(
        sources=1, seeds=1, width=codes.shape[1], classes=len(classes), hidden=settings.hidden, seed=seed
    ).to(device)
    judge = Judge(network, classes, codes.mean(0), np.where(spread > 1e-6, spread, 1.0), device)
    train(
        network,
        judge._scaled(codes)[None],
        torch.from_numpy(target).to(device),
        steps=settings.steps(len(codes)),
        batch=min(settings.batch, len(codes)),
        learning_rate=settings.learning_rate,
        seed=seed,
    )
    return judge
