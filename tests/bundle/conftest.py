"""A backbone and a head with everything export has to get right, exported once."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import orthogonal, spectral_norm, weight_norm

from unbraid.core.attached import AttachedModel
from unbraid.core.attached.building import Method
from unbraid.core.export import ExportReport, export_bundle
from unbraid.core.interfaces import (
    Backbone,
    BackboneInfo,
    Disentangler,
    Factor,
    Graph,
    ImageSpec,
    LatentSpec,
    Posterior,
)
from unbraid.registry import DisentanglerSpec, Entry

LATENT = 8
SHAPE = (1, 8, 8)


class ToyEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = spectral_norm(nn.Conv2d(1, 4, 3, stride=2, padding=1))
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(0.5)
        self.out = nn.Linear(64, 2 * LATENT)

    def forward(self, x: Tensor) -> Posterior:
        h = self.dropout(self.norm(self.conv(2 * x - 1)).relu())
        mean, log_variance = self.out(h.flatten(1)).chunk(2, dim=1)
        return Posterior(mean, log_variance)


class ToyDecoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = weight_norm(nn.Linear(LATENT, 64))
        self.up = nn.ConvTranspose2d(4, 1, 4, stride=2, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        return self.up(self.inner(z).relu().unflatten(1, (4, 4, 4))).sigmoid()


class Noisy(nn.Module):
    """Factors with noise from outside, as a bundle wants it."""

    def __init__(self, head: "ToyHead") -> None:
        super().__init__()
        self.head = head

    def forward(self, latent: Tensor, noise: Tensor) -> Tensor:
        return self.head.disentangle(latent)["hand"] + noise


class ToyHead(Disentangler):
    """Rotates the latent and cuts it: entangling what was disentangled gives the latent back, exactly but rounding."""

    factors = (
        Factor("letter", (3,), "content", "content", distribution="categorical"),
        Factor("hand", (4,), "style"),
        Factor("remainder", (1,), "rest"),
    )
    capabilities = frozenset({"entangle", "score", "classify", "sample"})
    train_only = ("critic",)

    def __init__(self) -> None:
        super().__init__()
        self.latent = LatentSpec((LATENT,))
        self.rotation = orthogonal(nn.Linear(LATENT, LATENT, bias=False))
        self.norm = nn.BatchNorm1d(LATENT, affine=False)
        self.classifier = nn.Linear(LATENT, 5)
        self.critic = nn.Linear(3, 1)

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        letter, hand, remainder = self.rotation(self.norm(z)).split((3, 4, 1), dim=1)
        return {"letter": letter, "hand": hand, "remainder": remainder}

    def entangle(self, factors) -> Tensor:
        rotated = torch.cat([factors[f.name] for f in self.factors], dim=1)
        scale = (self.norm.running_var + self.norm.eps).sqrt()
        return rotated @ self.rotation.weight * scale + self.norm.running_mean

    def score(self, first: Tensor, second: Tensor) -> Tensor:
        return -(first - second).square().sum(1)

    def classify(self, z: Tensor) -> Tensor:
        return self.classifier(z)

    def graphs(self) -> dict[str, Graph]:
        latent, noise = {"latent": (LATENT,)}, {"latent": (LATENT,), "noise": (4,)}
        return super().graphs() | {
            "classify": Graph(self.classifier, latent, {"logits": (5,)}),
            "vary": Graph(Noisy(self), noise, {"varied": (4,)}),
        }


def make_backbone(**changes) -> Backbone:
    info = {"adapter": "toy", "input": ImageSpec(*SHAPE), "latent": LatentSpec((LATENT,), stochastic=True)}
    info |= {"licence": "CC0-1.0", "source": "/home/somebody/weights/toy.safetensors"}
    return Backbone(ToyEncoder(), ToyDecoder(), BackboneInfo(**info | changes))


def make_model(backbone: Backbone | None = None, head: Disentangler | None = None) -> AttachedModel:
    spec = DisentanglerSpec(name="toy", summary="Rotates and cuts.", target="toys:ToyHead")
    entry = Entry(spec, "toys", "unbraid-toys", "1.2.3")
    return AttachedModel(Method(entry, None), {"default": backbone or make_backbone()}, head or ToyHead())


@dataclass
class Exported:
    model: AttachedModel
    report: ExportReport
    images: Tensor

    @property
    def folder(self) -> Path:
        return self.report.path


@pytest.fixture(scope="session")
def images() -> Tensor:
    return torch.rand(257, *SHAPE, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, images: Tensor) -> Exported:
    """A model whose statistics are no longer those of a new one, left in training mode where that is allowed."""
    torch.manual_seed(0)
    model = make_model()
    with torch.no_grad():
        encoder, head = model.backbone.encoder, model.head
        encoder.train()
        for part in images[:256].split(64):
            head.train()
            head.disentangle(encoder(part).mean)
        encoder.eval()
    report = export_bundle(model, tmp_path_factory.mktemp("exported") / "bundle", images=images)
    return Exported(model, report, images)


class Cut(nn.Module):
    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, latent: Tensor) -> Tensor:
        return latent[:, self.start : self.stop] + 0


@pytest.fixture(scope="session")
def toys() -> SimpleNamespace:
    """What the toys are made of."""
    return SimpleNamespace(make_model=make_model, make_backbone=make_backbone, ToyHead=ToyHead, Cut=Cut)
