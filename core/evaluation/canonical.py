"""Canonical coordinates of two codes: where what Gaussians share is a correlation a number, and the best critic known."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

#: Codes wider than this are left as they are: their covariance costs more than it tells.
WIDEST = 1024
#: Correlations are held below 1, where the critic would be infinite.
STRONGEST = 0.9999
#: Correlations below it count as none: those of samples that share nothing are as large.
FAINT = 0.05


class Canonical(NamedTuple):
    """Both codes in canonical coordinates, `(n, first)` and `(n, second)`, and held-out correlations, `(k,)`."""

    first: Tensor
    second: Tensor
    correlations: Tensor


class GaussianCritic(nn.Module):
    """The best critic of Gaussians whose numbers i have correlation r_i and share nothing else: the log density ratio.

    `T(a, b) = sum_i (r a_i b_i - r^2 (a_i^2 + b_i^2) / 2) / (1 - r^2)`, up to a constant.

    Args:
        correlations: `(k,)`; those below 0.05 count as none.
    """

    def __init__(self, correlations: Tensor) -> None:
        super().__init__()
        r = torch.where(correlations > FAINT, correlations, 0.0)
        self.product, self.square = r / (1 - r.square()), r.square() / (1 - r.square()) / 2

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Score every pair of `(n, first)` and `(n, second)`, in canonical coordinates: `(n, n)`."""
        x, y = (code[:, : len(self.product)] for code in (a, b))
        alone = [code.square() @ self.square for code in (x, y)]
        scores: Tensor = (x * self.product) @ y.T - alone[0][:, None] - alone[1]
        return scores


def canonical(first: Tensor, second: Tensor, *, fit: Tensor, held_out: Tensor) -> Canonical:
    """Turn both codes so that number i of the one correlates with number i of the other alone (Hotelling 1936).

    A linear map that can be undone changes no mutual information. Covariances are drawn towards the identity by
    `width / samples`; correlations are those of held-out samples, so that what was learned by heart counts nothing.

    Args:
        first: `(n, first)` standardised.
        second: `(n, second)` standardised.
        fit: rows that say where to turn.
        held_out: rows the correlations are of.

    Returns:
        Codes of deviation 1; no correlations where a code is wider than `WIDEST`.
    """
    if max(first.shape[1], second.shape[1]) > WIDEST:
        return Canonical(first, second, first.new_zeros(0))
    white = [code.double() @ _whitening(code[fit].double()) for code in (first, second)]
    left, _, right = torch.linalg.svd(white[0][fit].T @ white[1][fit])
    a, b = (_unit(code @ turn, fit) for code, turn in zip(white, (left, right.T), strict=True))
    k = min(a.shape[1], b.shape[1])
    x, y = (_unit(code[held_out, :k], slice(None)) for code in (a, b))
    correlations = ((x - x.mean(0)) * (y - y.mean(0))).mean(0).clamp(0, STRONGEST)
    return Canonical(a.float(), b.float(), correlations.float())


def _whitening(code: Tensor) -> Tensor:
    """Give the symmetric inverse root of the covariance of `(n, d)`, `(d, d)`."""
    samples, width = code.shape
    shrink = width / samples
    covariance = code.T @ code / samples + shrink * torch.eye(width, dtype=code.dtype, device=code.device)
    values, vectors = torch.linalg.eigh(covariance / (1 + shrink))
    root: Tensor = vectors * values.clamp_min(1e-6).rsqrt() @ vectors.T
    return root


def _unit(code: Tensor, rows: Tensor | slice) -> Tensor:
    return code / code[rows].std(0, correction=0).clamp_min(1e-6)
