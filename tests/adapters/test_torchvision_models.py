"""Models of torchvision: published files, taps, and the weights that come by name."""

from pathlib import Path

import pytest
import torch
from torch import nn

from unbraid.adapters.backbones.torchvision.adapter import wrap
from unbraid.adapters.backbones.torchvision.config import TorchvisionConfig
from unbraid.core.catalogue import load_backbone
from unbraid.core.checkpoints import convert
from unbraid.core.errors import ArtefactError

models = pytest.importorskip("torchvision").models


@pytest.fixture(scope="module")
def squeezed() -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = models.squeezenet1_1().eval()
    return model


def test_a_published_checkpoint_is_converted_and_tapped(squeezed: nn.Module, tmp_path: Path) -> None:
    torch.save(squeezed.state_dict(), tmp_path / "squeezenet.pth")
    where = convert("torchvision", [tmp_path / "squeezenet.pth"], tmp_path / "out")
    backbone = load_backbone("torchvision", model="squeezenet1_1", weights=str(where), tap="features")
    x = torch.rand(1, 3, 224, 224)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    torch.testing.assert_close(backbone.encode(x), squeezed.features((x - mean) / std))  # type: ignore[operator]
    assert backbone.info.latent.shape == (512, 13, 13)


def test_tokens_are_laid_out_as_they_lie_in_the_picture() -> None:
    torch.manual_seed(0)
    live = models.VisionTransformer(image_size=224, patch_size=32, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=8)
    backbone = wrap(live, TorchvisionConfig(model="vit_b_32", tap="encoder.ln"), None)
    assert backbone.info.latent.shape == (8, 7, 7)
    x = torch.rand(1, 3, 224, 224)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    patches = live.eval()._process_input((x - mean) / std)
    tokens = live.encoder(torch.cat([live.class_token, patches], 1))
    z = backbone.encode(x)
    for row, column in ((0, 0), (2, 5), (6, 6)):
        torch.testing.assert_close(z[0, :, row, column], tokens[0, 1 + 7 * row + column])


def test_a_name_of_weights_that_does_not_exist_shows_those_that_do() -> None:
    with pytest.raises(ArtefactError, match=r"IMAGENET1K_V1, or DEFAULT[\s\S]*IMAGENET1K_V9"):
        load_backbone("torchvision", model="squeezenet1_1", weights="IMAGENET1K_V9")


def test_weights_of_another_model_are_refused(squeezed: nn.Module, tmp_path: Path) -> None:
    torch.save(squeezed.state_dict(), tmp_path / "squeezenet.pth")
    where = convert("torchvision", [tmp_path / "squeezenet.pth"], tmp_path / "out")
    with pytest.raises(ArtefactError, match="do not fit the architecture"):
        load_backbone("torchvision", model="shufflenet_v2_x0_5", weights=str(where))
