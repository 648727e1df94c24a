"""The flow: an exact inverse, log-determinants that are the Jacobian's, a density that sums to one, exact resume."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from unbraid.__main__ import main
from unbraid.adapters.backbones.flow.config import Architecture
from unbraid.adapters.backbones.flow.layers import ActNorm, Coupling, Logit, Rotation
from unbraid.adapters.backbones.flow.losses import bits
from unbraid.adapters.backbones.flow.model import Flow, build_flow
from unbraid.core.catalogue import load_backbone
from unbraid.core.errors import ConfigError


def shaken(architecture: Architecture) -> Flow:
    """A flow whose couplings do something: untrained ones are the identity."""
    flow = build_flow(architecture)
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.03 * torch.randn(parameter.shape, generator=g))
    return flow


def exact(module: nn.Module) -> nn.Module:
    """The same in float64: a rotation rounded to float32 changes volumes by a few millionths."""
    module = module.double()
    for part in module.modules():
        if isinstance(part, Rotation):
            part.weight.copy_(torch.linalg.qr(part.weight).Q)
    return module


def jacobian_log_determinant(function, x: Tensor) -> Tensor:
    """The logarithm of |det| of the full Jacobian at one point `(1, ...)`, by autograd."""
    jacobian = torch.autograd.functional.jacobian(function, x).reshape(x.numel(), x.numel())
    return torch.linalg.slogdet(jacobian).logabsdet


@pytest.mark.parametrize("layer", [Logit(), ActNorm(4), Rotation(4), Coupling(4, 6), Coupling(5, 6)], ids=repr)
def test_every_layer_can_be_undone_and_knows_its_volume(layer) -> None:
    layer = exact(layer)
    g = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.5 * torch.randn(parameter.shape, generator=g, dtype=torch.float64))
    channels = 5 if getattr(layer, "kept", None) == 2 and layer.network[-1].out_channels == 6 else 4
    x = torch.rand(1, channels, 2, 3, generator=g, dtype=torch.float64)
    y, slope = layer(x)
    torch.testing.assert_close(layer.inverse(y), x, rtol=0, atol=1e-10)
    torch.testing.assert_close(slope[0], jacobian_log_determinant(lambda t: layer(t)[0], x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_log_determinant_is_that_of_the_jacobian(channels: int) -> None:
    flow = exact(shaken(Architecture(channels=channels, size=4, steps=2, hidden=6)))
    x = torch.rand(2, channels, 4, 4, dtype=torch.float64)
    _, slopes = flow(x)
    for row, slope in zip(x, slopes, strict=True):
        torch.testing.assert_close(slope, jacobian_log_determinant(lambda t: flow(t)[0], row[None]), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32), (1, 4)])
def test_pictures_come_back_exactly_black_and_white_included(channels: int, size: int) -> None:
    flow = shaken(Architecture(channels=channels, size=size)).eval()
    pictures = torch.rand(5, channels, size, size)
    pictures[0], pictures[1] = 0, 1
    with torch.no_grad():
        z = flow(pictures)[0]
        assert z.shape == (5, 16 * channels, size // 4, size // 4)
        assert (flow.inverse(z) - pictures).abs().max() < 1e-4
        torch.testing.assert_close(flow(flow.inverse(z))[0], z, rtol=1e-3, atol=1e-3)


def test_an_untrained_flow_costs_what_its_prior_says() -> None:
    """With identity couplings the density is that of a standard normal of the log-odds, which can be summed."""
    flow = build_flow(Architecture(size=4, steps=1, hidden=4)).double()
    x = torch.rand(3, 1, 4, 4, dtype=torch.float64)
    p = 0.05 + 0.9 * (x * 255 + 0.5) / 256
    u = torch.distributions.TransformedDistribution(
        torch.distributions.Normal(0.0, 1.0), [torch.distributions.SigmoidTransform()]
    )
    # a bin is 0.9 / 256 wide in p
    expected = -(u.log_prob(p) + np.log(0.9 / 256)).flatten(1).mean(1) / np.log(2)
    torch.testing.assert_close(bits(flow, x), expected)


def test_the_first_batch_leaves_every_scale_standardised() -> None:
    flow = build_flow(Architecture(size=8, steps=3))
    pictures = torch.rand(64, 1, 8, 8) ** 3
    flow.start_from(pictures)
    with torch.no_grad():
        z = flow(pictures)[0]
    # rotations keep the trace: the mean variance of the channels behind a layer that made each of them 1
    assert abs(float(z[:, 8:].var(dim=(0, 2, 3)).mean()) - 1) < 0.01


@pytest.mark.parametrize("settings", [{"size": 30}, {"channels": 2}, {"steps": 0}, {"hidden": 0}])
def test_architectures_out_of_range(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="out of range"):
        load_backbone("flow", **settings)


def test_the_identity_is_the_same_in_another_process() -> None:
    code = (
        "from unbraid.core.catalogue import load_backbone as l; print(l('flow', size=8, steps=1, seed=3).fingerprint)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    backbone = load_backbone("flow", size=8, steps=1, seed=3)
    assert run.stdout.strip() == backbone.fingerprint
    assert load_backbone("flow", **json.loads(json.dumps(dict(backbone.info.config)))).fingerprint == run.stdout.strip()
    assert backbone.info.inverse == "exact" and backbone.info.latent.width == 64


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars in eight columns and six brightnesses, and the recipe to train on them."""
    folder = tmp_path_factory.mktemp("pretrain")
    grid = np.zeros((8, 6, 8, 8), np.uint8)
    for content in range(8):
        for style in range(6):
            grid[content, style, :, content] = 100 + 30 * style
    np.savez(folder / "bars.npz", images=grid)
    (folder / "recipe.yaml").write_text(f"""
    dataset: {{name: npz, path: {folder / "bars.npz"}}}
    backbone: {{name: flow, steps: 2, hidden: 8}}
    pretrain: {{batch_size: 16, lr: 5e-3, device: cpu}}
    fit: {{steps: 60, eval_every: 20, checkpoint_every: 10, quiet: true, threads: 1}}
    """)
    return folder / "recipe.yaml"


def test_pretraining_saves_bits_and_a_resumed_run_ends_where_a_straight_one_does(recipe: Path, tmp_path: Path) -> None:
    for out in ("straight", "cut"):
        assert main(["pretrain", str(recipe), "--out", str(tmp_path / out)]) == 0
    shutil.rmtree(tmp_path / "cut" / "last")
    shutil.rmtree(max((tmp_path / "cut" / "first" / "checkpoints").glob("step-*")))
    assert main(["pretrain", str(recipe), "--out", str(tmp_path / "cut"), "--resume"]) == 0
    assert sha(tmp_path / "cut") == sha(tmp_path / "straight")
    lines = [json.loads(line) for line in (tmp_path / "cut" / "first" / "metrics.jsonl").read_text().splitlines()]
    looks = [line["validation.bits"] for line in lines if "validation.bits" in line]
    assert looks[-1] < looks[0] - 0.2
    backbone = load_backbone("flow", weights=str(tmp_path / "cut" / "weights"))
    assert backbone.info.trained_on == "npz:bars.npz:train"
    (first, *_) = json.loads((tmp_path / "cut" / "metrics.json").read_text())["reconstruction"]
    assert first["share"] < 1e-6 and first["inversion"] < 1e-3


def sha(out: Path) -> str:
    return hashlib.sha256((out / "weights" / "model.safetensors").read_bytes()).hexdigest()
