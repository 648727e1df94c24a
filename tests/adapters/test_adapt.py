"""Live models: the right adapter takes each, as it is, and nobody's library is imported on the way."""

import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import unbraid
from unbraid.core.errors import BackboneMismatchError, CapabilityError, ConfigError
from unbraid.core.freezing import FrozenGuard
from unbraid.registry import get_registry

OWN = """
import sys
import torch
from torch import nn
import unbraid

class Mine(nn.Module):
    input_shape = (1, 4, 4)
    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Linear(16, 3), nn.Linear(3, 16)
    def encode(self, x):
        return self.down(x.flatten(1))
    def decode(self, z):
        return self.up(z).sigmoid().view(-1, 1, 4, 4)

libraries = ("diffusers", "timm", "torchvision", "transformers", "onnxruntime")
before = {name for name in libraries if name in sys.modules}
model = unbraid.attach("prototype", Mine(), device="cpu")
assert model.backbone.info.latent.shape == (3,)
print(*sorted({name for name in libraries if name in sys.modules} - before))
"""


class Mine(nn.Module):
    """Somebody's autoencoder, in training mode and with a batch norm."""

    input_shape = (1, 4, 4)

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.BatchNorm1d(3)), nn.Linear(3, 16)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = self.down(x)
        return z, torch.zeros_like(z)

    def decode(self, z: Tensor) -> Tensor:
        return self.up(z).sigmoid().view(-1, 1, 4, 4)


def test_no_library_is_imported_that_the_user_did_not_import() -> None:
    done = subprocess.run([sys.executable, "-c", OWN], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_a_module_with_encode_and_decode_is_used_as_it_is(tmp_path: Path) -> None:
    mine = Mine()
    x = torch.rand(2, 1, 4, 4)
    evaluated = deepcopy(mine).eval().down(x)
    guard = FrozenGuard(mine)
    model = unbraid.attach("prototype", mine, device="cpu")
    info = model.backbone.info
    assert (info.adapter, info.latent.shape, info.latent.stochastic) == ("modules", (3,), True)
    torch.testing.assert_close(model.encode(x), evaluated)
    torch.testing.assert_close(model.decode(evaluated), mine.decode(evaluated))
    model.save(tmp_path / "head")
    model.detach()
    guard.verify()
    with pytest.raises(ConfigError, match="modules of your own"):
        unbraid.load(tmp_path / "head")
    assert (
        unbraid.load(tmp_path / "head", backbone=mine, device="cpu").backbone.fingerprint == model.backbone.fingerprint
    )
    with pytest.raises(BackboneMismatchError):
        unbraid.load(tmp_path / "head", backbone=Mine(), device="cpu")


def test_a_module_that_does_not_say_what_it_takes() -> None:
    mine = Mine()
    mine.input_shape = (4, 4)  # type: ignore[assignment]
    with pytest.raises(ConfigError, match=r"does not say what images it takes[\s\S]*input_shape"):
        unbraid.attach("prototype", mine)
    mine.input_shape = (3, 9, 9)
    with pytest.raises(ConfigError, match="does not take such images"):
        unbraid.attach("prototype", mine)


@pytest.mark.parametrize("thing", [3, "vae", nn.Linear(2, 2), object()])
def test_what_is_no_backbone_is_named(thing: object) -> None:
    with pytest.raises(ConfigError, match=f"a {type(thing).__name__} is not a backbone"):
        unbraid.attach("prototype", thing)


def test_a_model_of_timm_keeps_its_own_preprocessing() -> None:
    timm = pytest.importorskip("timm")
    live = timm.create_model("test_vit", num_classes=7).eval()
    backbone = unbraid.attach("prototype", live, device="cpu").backbone
    assert (backbone.info.adapter, backbone.info.input.shape) == ("timm", (3, 160, 160))
    x = torch.rand(2, 3, 160, 160)
    mean, std = (torch.tensor(live.pretrained_cfg[name]).view(3, 1, 1) for name in ("mean", "std"))
    expected = live.forward_head(live.forward_features((x - mean) / std), pre_logits=True)
    torch.testing.assert_close(backbone.encode(x), expected)
    named = unbraid.load_backbone("timm", model="test_vit")
    assert named.info.latent == backbone.info.latent and named.fingerprint != backbone.fingerprint


def test_a_model_of_torchvision_is_tapped_before_its_classifier() -> None:
    models = pytest.importorskip("torchvision").models
    live = models.resnet18(num_classes=7)
    guard = FrozenGuard(live)
    backbone = get_registry().adapt(live)
    assert isinstance(backbone, unbraid.Backbone)
    guard.verify()
    assert (backbone.info.adapter, backbone.info.input.shape) == ("torchvision", (3, 224, 224))
    x = torch.rand(1, 3, 224, 224)
    z = backbone.encode(x)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    torch.testing.assert_close(live.fc(z), live.eval()((x - mean) / std), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_an_autoencoder_of_diffusers_round_trips_through_its_own_files(tmp_path: Path) -> None:
    """The latents are those its own encode and scaling give, alive, saved, and loaded by name."""
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    live = diffusers.AutoencoderKL(block_out_channels=(8, 16), norm_num_groups=4, sample_size=16, **blocks).eval()
    backbone = unbraid.attach("prototype", live, device="cpu").backbone
    x = torch.rand(3, 3, 16, 16)
    posterior = live.encode(2 * x - 1).latent_dist
    found = backbone.posterior(x)
    torch.testing.assert_close(found.mean, posterior.mode() * 0.18215)
    assert found.log_variance is not None
    torch.testing.assert_close((found.log_variance / 2).exp(), posterior.std * 0.18215)
    torch.testing.assert_close(
        backbone.decode(found.mean), (live.decode(posterior.mode()).sample / 2 + 0.5).clamp(0, 1)
    )
    live.save_pretrained(tmp_path / "pipeline" / "vae")
    named = unbraid.load_backbone("autoencoder_kl", weights=str(tmp_path / "pipeline"), subfolder="vae")
    assert named.fingerprint == backbone.fingerprint and torch.equal(named.encode(x), backbone.encode(x))
    again = unbraid.attach("prototype", diffusers.AutoencoderKL.from_pretrained(tmp_path / "pipeline" / "vae"))
    assert Path(again.backbone.info.config["weights"]) == tmp_path / "pipeline" / "vae"
    raw = unbraid.load_backbone("autoencoder_kl", weights=str(tmp_path / "pipeline" / "vae"), scaled=False)
    torch.testing.assert_close(raw.encode(x), posterior.mode())
    with pytest.raises(CapabilityError, match="no backbone here"):
        get_registry().adapt(diffusers.UNet2DModel(sample_size=8, block_out_channels=(32, 32), **_unet()))


def _unet() -> dict[str, tuple[str, ...]]:
    return {"down_block_types": ("DownBlock2D",) * 2, "up_block_types": ("UpBlock2D",) * 2}
