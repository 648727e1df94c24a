from types import SimpleNamespace

import pytest
import torch
from torch import nn

import unbraid
from unbraid.core.interfaces import LatentSpec, Posterior
from unbraid.core.latents import Latents, encode_dataset
from unbraid.core.two_codes.networks import Codes
from unbraid.plugins.cycle_vae.config import CycleVAEConfig
from unbraid.plugins.cycle_vae.model import CycleVAE
from unbraid.plugins.mathieu.config import MathieuConfig
from unbraid.plugins.mathieu.model import Mathieu
from unbraid.plugins.szabo.config import SzaboConfig
from unbraid.plugins.szabo.model import Szabo

METHODS = {"cycle_vae": (CycleVAE, CycleVAEConfig), "mathieu": (Mathieu, MathieuConfig), "szabo": (Szabo, SzaboConfig)}
SMALL = {"specified": 3, "unspecified": 2, "hidden": (24, 16), "pairs": 8}


@pytest.fixture
def make_head():
    """A small head in float64, so that gradients can be compared closely."""

    def make(method="cycle_vae", dim=6, **settings):
        torch.manual_seed(0)
        kind, config = METHODS[method]
        return kind(config(**{**SMALL, **settings}), LatentSpec((dim,))).double().train()

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


#: Log-variance of a code that is all but a point.
POINT = -80.0


class HandEncoder(nn.Module):
    """z = [specified (3) | unspecified (2)] times an orthogonal matrix; `leak` of the class goes into the latter."""

    def __init__(self, mixing: torch.Tensor, leak: float = 0.0) -> None:
        super().__init__()
        self.mixing, self.leak = nn.Parameter(mixing), leak

    def forward(self, standardised):
        specified, unspecified = (standardised @ self.mixing.T).split([3, 2], 1)
        leaked = unspecified + self.leak * specified[:, :2]
        return Codes(Posterior(leaked, torch.full_like(unspecified, POINT)), specified)


class HandDecoder(nn.Module):
    """The exact inverse of the encoder without a leak."""

    def __init__(self, mixing: torch.Tensor) -> None:
        super().__init__()
        self.mixing = nn.Parameter(mixing)

    def forward(self, unspecified, specified):
        return torch.cat([specified, unspecified], 1) @ self.mixing


def orthogonal(n: int = 5) -> torch.Tensor:
    g = torch.Generator().manual_seed(5)
    return torch.linalg.qr(torch.randn(n, n, generator=g, dtype=torch.float64)).Q


def install(head, leak: float = 0.0):
    """Give a head of five numbers networks made by hand."""
    head.encoder, head.decoder = HandEncoder(orthogonal(), leak), HandDecoder(orthogonal())
    return head


def rows(n: int, classes: int, seed: int = 0):
    """Pairs of rows that share the specified part, and the rows of other classes."""
    g = torch.Generator().manual_seed(seed)
    content = torch.randn(classes, 3, generator=g, dtype=torch.float64)[torch.arange(n) % classes]
    styles = torch.randn(2, n, 2, generator=g, dtype=torch.float64)
    return [torch.cat([content, style], 1) @ orthogonal() for style in styles]


@pytest.fixture(scope="session")
def hands():
    """Networks made by hand, which know how a latent was mixed."""
    return SimpleNamespace(install=install, rows=rows)


@pytest.fixture(scope="session")
def backbone():
    """The shipped VAE of glyphs, 32 numbers."""
    return unbraid.load_backbone("vae", weights="builtin:glyphs")


@pytest.fixture(scope="session")
def glyphs():
    return unbraid.load_dataset("glyphs")


@pytest.fixture(scope="session")
def latents(backbone, glyphs) -> Latents:
    return encode_dataset(backbone, glyphs)
