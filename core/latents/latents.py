"""Cached outputs of a frozen encoder over a data set, with labels, on one device."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from unbraid.core.interfaces.draws import Draws
from unbraid.core.interfaces.posterior import Posterior
from unbraid.core.interfaces.specs import LatentSpec
from unbraid.core.latents.precision import Precision

LatentMode = Literal["mean", "sample"]
CHUNK = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Latents:
    """Latents of many images; a subset shares the storage of the whole.

    Args:
        mean: `(N, *latent)` in the storage dtype of `spec`.
        log_variance: the same shape, or None for a deterministic encoder.
        labels: role (`content`, `style`, an attribute) -> `(N,)` int64, -1 is missing.
        spec: shape of one latent.
        classes: role -> number of classes.
        rows: `(n,)` rows of the storage that this subset holds; None is all of them.
        mode: whether `gather` gives posterior means or samples.
        precision: in which the encoder computed them.
    """

    mean: Tensor
    log_variance: Tensor | None
    labels: Mapping[str, Tensor]
    spec: LatentSpec
    classes: Mapping[str, int]
    rows: Tensor | None = None
    mode: LatentMode = "mean"
    precision: Precision = "float32"

    def __len__(self) -> int:
        return self.mean.shape[0] if self.rows is None else self.rows.shape[0]

    @property
    def device(self) -> torch.device:
        """Where the latents are."""
        return self.mean.device

    @property
    def z(self) -> Tensor:
        """Posterior means of all rows, `(n, *latent)` float32; a copy, for closed forms and small sets."""
        return _read(self.mean if self.rows is None else self.mean[self.rows])

    def label(self, role: str) -> Tensor:
        """Labels of a role, `(n,)` int64; all -1 where the data has no such label."""
        if role not in self.labels:
            return torch.full((len(self),), -1, device=self.device)
        labels = self.labels[role]
        return labels if self.rows is None else labels[self.rows]

    def subset(self, rows: Tensor) -> "Latents":
        """Give a view of the rows with the given positions in this set."""
        rows = rows.to(self.device)
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    def with_mode(self, mode: LatentMode) -> "Latents":
        """Give a view whose `gather` reads posterior means or draws samples."""
        return replace(self, mode=mode)

    def to(self, device: torch.device | str) -> "Latents":
        """Move storage and labels to a device."""
        return replace(
            self,
            mean=self.mean.to(device),
            log_variance=None if self.log_variance is None else self.log_variance.to(device),
            labels={role: label.to(device) for role, label in self.labels.items()},
            rows=None if self.rows is None else self.rows.to(device),
        )

    def gather(self, index: Tensor, draws: Draws | None = None) -> Tensor:
        """Read latents at positions of this set: index of any shape -> `(*index, *latent)` float32.

        In mode `sample` the noise comes from `draws`; without it the mean is given.
        """
        rows = index if self.rows is None else self.rows[index]
        mean = _take(self.mean, rows)
        if self.mode == "mean" or draws is None or self.log_variance is None:
            return mean
        return Posterior(mean, _take(self.log_variance, rows)).sample(draws.normal(*mean.shape))

    def chunks(self, size: int = CHUNK) -> Iterator[Tensor]:
        """Walk over the posterior means, `size` rows at a time."""
        return self._walk(self.mean, size)

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and variance of each number that `gather` gives, `(*latent)` float64 each, in bounded memory.

        In mode `sample` the posteriors' own variance is part of it: a dimension the encoder leaves to the prior has
        means that hardly vary and samples that do.
        """
        count = max(len(self), 1)
        zero = torch.zeros(self.spec.shape, dtype=torch.float64, device=self.device)
        mean = sum((c.double().sum(0) for c in self.chunks()), zero) / count
        variance = sum(((c.double() - mean).square().sum(0) for c in self.chunks()), zero) / count
        if self.mode == "sample" and self.log_variance is not None:
            variance += sum((c.double().exp().sum(0) for c in self._walk(self.log_variance, CHUNK)), zero) / count
        return mean, variance

    def _walk(self, stored: Tensor, size: int) -> Iterator[Tensor]:
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield _read(stored[part] if self.rows is None else stored[self.rows[part]])


def _take(stored: Tensor, rows: Tensor) -> Tensor:
    """Read the given rows; `index_select` copies whole rows, where indexing walks over numbers."""
    return _read(stored.index_select(0, rows.flatten()).view(*rows.shape, *stored.shape[1:]))


def _read(stored: Tensor) -> Tensor:
    """Turn storage into float32; bytes mean value * 255."""
    return stored.float() / 255 if stored.dtype == torch.uint8 else stored.float()
