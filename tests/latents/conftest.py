"""A small backbone, and a data set that fills three shards."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from unbraid.core.interfaces import Backbone, BackboneInfo, Dataset, ImageSpec, LabelSpec, LatentSpec, Posterior
from unbraid.core.latents import encode_dataset

ROWS = 36_000  # shards of 16,384, 16,384 and 3,232 rows


class LinearEncoder(nn.Module):
    """`mean = W x`, `log_variance = W x / 10`."""

    def __init__(self, pixels: int = 4, width: int = 3, *, stochastic: bool = True) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(width, pixels, generator=generator))
        self.stochastic = stochastic

    def forward(self, x: Tensor) -> Posterior:
        mean = x.flatten(1) @ self.weight.t()
        return Posterior(mean, mean / 10 if self.stochastic else None)


def linear_backbone(*, stochastic: bool = True, storage: str = "float32") -> Backbone:
    latent = LatentSpec((3,), stochastic=stochastic, storage=storage)
    info = BackboneInfo(
        adapter="linear",
        input=ImageSpec(1, 2, 2),
        latent=latent,
        inverse="none",
        capabilities=frozenset({"gradient"}),
    )
    return Backbone(LinearEncoder(stochastic=stochastic), None, info)


def small_dataset(rows: int = ROWS, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    return Dataset(
        name="noise",
        images=rng.integers(0, 256, (rows, 1, 2, 2), dtype=np.uint8),
        content=LabelSpec("letter", ("a", "b", "c")),
        style=LabelSpec("hand", ("x", "y")),
        labels={"content": rng.integers(-1, 3, rows), "style": rng.integers(0, 2, rows)},
        splits={
            "content": {"train": (0,), "validation": (1,), "test": (2,)},
            "style": {"train": (0,), "validation": (), "test": (1,)},
        },
    )


class Repeat(nn.Module):
    """One pixel, 1,024 times."""

    def forward(self, x: Tensor) -> Posterior:
        return Posterior(x.flatten(1).repeat(1, 1024))


def wide_backbone() -> Backbone:
    info = BackboneInfo(adapter="wide", input=ImageSpec(1, 2, 2), latent=LatentSpec((4096,)), inverse="none")
    return Backbone(Repeat(), None, info)


@pytest.fixture
def make_backbone() -> Callable[..., Backbone]:
    return linear_backbone


@pytest.fixture
def make_dataset() -> Callable[..., Dataset]:
    return small_dataset


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return small_dataset()


@pytest.fixture(scope="session")
def finished_cache(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete cache; tests copy it."""
    folder = tmp_path_factory.mktemp("latents") / "cache"
    encode_dataset(linear_backbone(), dataset, cache=folder)
    return folder
