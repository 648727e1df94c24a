"""Many small classifiers trained as one: every layer is a batched matrix product over (code, seed)."""

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unbraid.core.interfaces.draws import Draws

SLOPE = 0.2
CHUNK = 8192


class Measured(NamedTuple):
    """Of each network, `(codes, seeds)`: share of right answers, mean cross-entropy in nats, and its deviation."""

    accuracy: Tensor
    cross_entropy: Tensor
    deviation: Tensor


class Attackers(nn.Module):
    """`sources * seeds` networks of one shape: linear, or two hidden layers with batch norm and leaky ReLU 0.2.

    Args:
        sources: number of codes M, each with its own inputs.
        seeds: networks a code, S; network s starts from the same numbers whatever the code.
        width: numbers in a code.
        classes: number of outputs.
        hidden: width of the hidden layers, None for a linear classifier.
        seed: of the initial weights.
    """

    def __init__(self, *, sources: int, seeds: int, width: int, classes: int, hidden: int | None, seed: int) -> None:
        super().__init__()
        self.sources, self.seeds = sources, seeds
        widths = [width, classes] if hidden is None else [width, hidden, hidden, classes]
        draws = Draws(seed, "probe/init", 0)
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        self.norms = nn.ModuleList()
        for before, after in itertools.pairwise(widths):
            weight = (2 * draws.uniform(seeds, before, after) - 1) / math.sqrt(before)
            self.weights.append(nn.Parameter(weight.repeat(sources, 1, 1)))
            self.biases.append(nn.Parameter(torch.zeros(sources * seeds, 1, after)))
        for after in widths[1:-1]:
            self.norms.append(nn.BatchNorm1d(sources * seeds * after))

    def forward(self, x: Tensor) -> Tensor:
        """Classify `(M * S, B, width)` to logits `(M * S, B, classes)`."""
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            if layer < last:
                x = F.leaky_relu(self._normed(layer, x), SLOPE)
        return x

    def _normed(self, layer: int, x: Tensor) -> Tensor:
        nets, rows, width = x.shape
        flat: Tensor = self.norms[layer](x.transpose(0, 1).reshape(rows, nets * width))
        return flat.reshape(rows, nets, width).transpose(0, 1)

    @torch.no_grad()
    def measure(self, x: Tensor, target: Tensor) -> Measured:
        """Classify `(M, n, width)` against `(n,)` in eval mode."""
        self.eval()
        right = x.new_zeros(self.sources * self.seeds)
        nats, squares = (x.new_zeros(self.sources * self.seeds, dtype=torch.float64) for _ in range(2))
        for start in range(0, x.shape[1], CHUNK):
            y = target[start : start + CHUNK].expand(self.sources * self.seeds, -1)
            logits = self(x[:, start : start + CHUNK].repeat_interleave(self.seeds, 0))
            right += (logits.argmax(-1) == y).sum(-1)
            each = F.cross_entropy(logits.transpose(1, 2), y, reduction="none").double()
            nats += each.sum(-1)
            squares += each.square().sum(-1)
        right, nats, squares = (total / x.shape[1] for total in (right, nats, squares))
        deviation = (squares - nats.square()).clamp_min(0).sqrt()
        return Measured(*(found.reshape(self.sources, self.seeds).cpu() for found in (right, nats, deviation)))


def train(
    nets: Attackers, x: Tensor, target: Tensor, *, steps: int, batch: int, learning_rate: float, seed: int
) -> None:
    """Train all networks with Adam on their own random batches; batch b of seed s is the same for every code.

    Args:
        nets: what to train, in place.
        x: `(M, n, width)` inputs.
        target: `(n,)` classes.
        steps: number of steps.
        batch: samples a step.
        learning_rate: highest rate of the one-cycle schedule.
        seed: of the batches.
    """
    nets.train()
    optimiser = torch.optim.Adam(nets.parameters(), lr=learning_rate, fused=x.device.type in ("cpu", "cuda"))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps)
    source = torch.arange(nets.sources, device=x.device).repeat_interleave(nets.seeds)[:, None]
    high = torch.full((nets.seeds, batch), x.shape[1], device=x.device)
    for step in range(steps):
        rows = Draws(seed, "probe/batch", step, x.device).below(high).repeat(nets.sources, 1)
        logits = nets(x[source, rows])
        # the sum over networks: each one's gradient is that of its own mean loss
        loss = F.cross_entropy(logits.flatten(0, 1), target[rows].flatten(), reduction="sum") / batch
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
