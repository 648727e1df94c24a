import pytest
import torch

from unbraid.core.interfaces import LatentSpec
from unbraid.core.latents import Latents
from unbraid.plugins.fden.config import FDENConfig
from unbraid.plugins.fden.model import FDEN

SMALL = {
    "alpha": 1.0,
    "trunk": (24, 24),
    "branch": (24,),
    "entangler_branch": (16,),
    "entangler": (24,),
    "critic": (32, 16),
    "episodes": 4,
    "query_classes": 1,
}


@pytest.fixture
def make_head():
    """A small FDEN in float64, so that gradients can be compared closely."""

    def make(dim=6, **settings):
        torch.manual_seed(0)
        return FDEN(FDENConfig(**{**SMALL, **settings}), LatentSpec((dim,))).double().train()

    return make


@pytest.fixture
def training_latents():
    """Ten classes of twelve rows: a class mean plus noise, on uneven scales."""
    g = torch.Generator().manual_seed(1)
    labels = torch.arange(10).repeat_interleave(12)
    z = torch.randn(10, 6, generator=g)[labels] + 0.3 * torch.randn(120, 6, generator=g)
    mean = z * torch.tensor([1.0, 5, 0.2, 1, 2, 3]) + 4
    return Latents(
        mean=mean, log_variance=None, labels={"content": labels}, spec=LatentSpec((6,)), classes={"content": 10}
    )
