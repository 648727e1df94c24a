"""The head and the backbone as functions of numpy arrays: flat, standardised, in batches, in evaluation mode."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unbraid.core.attached.verbs import evaluating
from unbraid.core.evaluation.checks import check_finite
from unbraid.core.evaluation.evidence import Array, Factors
from unbraid.core.interfaces.backbone import Backbone
from unbraid.core.interfaces.disentangler import Disentangler
from unbraid.core.interfaces.draws import Draws
from unbraid.core.interfaces.specs import LatentSpec
from unbraid.core.latents import LatentMode, Latents

T = TypeVar("T", bound=np.generic)

BATCH = 1024
#: Pictures decoded at once; decoders are larger than heads.
PICTURES = 64


@dataclass(frozen=True, slots=True)
class Scaling:
    """Standardisation with the statistics of the training latents; numbers that never change are only centred.

    Args:
        mean: `(D,)`.
        spread: `(D,)` standard deviation.
        spec: shape of a latent.
    """

    mean: Array
    spread: Array
    spec: LatentSpec

    @classmethod
    def of(cls, latents: Latents) -> "Scaling":
        """Take the statistics of some latents."""
        mean, variance = (moment.flatten().cpu().numpy() for moment in latents.moments())
        spread = np.sqrt(variance)
        return cls(mean, np.where(spread > 1e-6, spread, 1.0), latents.spec)

    def flat(self, z: Array) -> Array:
        """Turn latents `(n, *latent)` into standardised rows `(n, D)` float32."""
        rows: Array = ((z.reshape(len(z), -1) - self.mean) / self.spread).astype(np.float32)
        return rows

    def latent(self, rows: Array) -> Array:
        """Turn standardised rows `(n, D)` into latents `(n, *latent)` float32."""
        z: Array = (rows * self.spread + self.mean).astype(np.float32)
        return z.reshape(len(z), *self.spec.shape)


@dataclass(frozen=True, slots=True)
class HeadFunctions:
    """What metrics call; every function takes and gives flat float32 rows.

    Args:
        head: the trained or untrained head.
        scaling: of the latents.
        device: where the head computes.
        factor_mode: means of the factors, or samples of their distribution.
        seed: of the samples.
    """

    head: Disentangler
    scaling: Scaling
    device: torch.device
    factor_mode: LatentMode = "mean"
    seed: int = 0
    _shapes: dict[str, tuple[int, ...]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._shapes.update({factor.name: factor.shape for factor in self.head.factors})

    def disentangle(self, rows: Array, stream: str) -> dict[str, Array]:
        """Split standardised latents `(n, D)` into factors `(n, width)`; `stream` names the noise of samples."""
        parts: list[dict[str, Array]] = []
        with evaluating(self.head):
            for step, part in enumerate(_batches(rows, BATCH)):
                z = torch.from_numpy(self.scaling.latent(part)).to(self.device)
                found = self._factors(z, Draws(self.seed, f"evaluation/factors/{stream}", step, self.device))
                parts.append({name: _flat(found[name]) for name in self._shapes})
        return {name: np.concatenate([part[name] for part in parts]) for name in self._shapes}

    def entangle(self, factors: Factors) -> Array:
        """Put factors `(n, width)` together to standardised latents `(n, D)`."""
        count = len(next(iter(factors.values())))
        parts = []
        with evaluating(self.head):
            for rows in _batches(np.arange(count), BATCH):
                shaped = {name: self._shaped(name, factors[name][rows]) for name in self._shapes}
                parts.append(self.scaling.flat(self.head.entangle(shaped).cpu().numpy()))
        return np.concatenate(parts)

    def score(self, first: Array, second: Array) -> Array:
        """Say how alike content factors `(n, width)` are, `(n,)`."""
        name = self.head.factor("content").name
        parts = []
        with evaluating(self.head):
            for rows in _batches(np.arange(len(first)), 16 * BATCH):
                parts.append(self.head.score(self._shaped(name, first[rows]), self._shaped(name, second[rows])))
        return torch.cat(parts).cpu().numpy()

    def _factors(self, z: Tensor, draws: Draws) -> dict[str, Tensor]:
        if self.factor_mode == "mean":
            return self.head.disentangle(z)
        posterior = self.head.posterior(z)
        return {name: each.sample(draws.normal(*each.mean.shape)) for name, each in posterior.items()}

    def _shaped(self, name: str, rows: Array) -> Tensor:
        return torch.from_numpy(rows).to(self.device).reshape(len(rows), *self._shapes[name])


@dataclass(frozen=True, slots=True)
class Decoding:
    """Standardised latents `(n, D)` to images `(n, C, H, W)` in [0, 1]."""

    backbone: Backbone
    scaling: Scaling
    device: torch.device

    def __call__(self, rows: Array) -> Array:
        """Decode in batches."""
        with torch.no_grad():
            parts = [
                self.backbone.decode(torch.from_numpy(self.scaling.latent(part)).to(self.device)).cpu().numpy()
                for part in _batches(rows, PICTURES)
            ]
        return check_finite("decoded pictures", np.concatenate(parts))


@dataclass(frozen=True, slots=True)
class Encoding:
    """Images `(n, C, H, W)` in [0, 1] to standardised latents `(n, D)`: means, whatever the mode of the evaluation."""

    backbone: Backbone
    scaling: Scaling
    device: torch.device

    def __call__(self, images: Array) -> Array:
        """Encode in batches."""
        with torch.no_grad():
            parts = [
                self.scaling.flat(self.backbone.encode(torch.from_numpy(part).to(self.device)).cpu().numpy())
                for part in _batches(images, PICTURES)
            ]
        return check_finite("encoded pictures", np.concatenate(parts))


def _batches(rows: npt.NDArray[T], size: int) -> Iterator[npt.NDArray[T]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _flat(factor: Tensor) -> Array:
    flat: Array = factor.flatten(1).cpu().numpy()
    return flat
