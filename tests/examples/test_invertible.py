"""The examples of invertible networks: they run, and their inverses are inverses."""

import runpy
from pathlib import Path

import pytest
import torch

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["i_revnet", "i_resnet"])
def test_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](steps=2)
    printed = capsys.readouterr().out
    assert "inverse exact" in printed and "(4, 1, 28, 28)" in printed


@pytest.mark.parametrize("name", ["i_revnet", "i_resnet"])
def test_any_picture_comes_back(name: str) -> None:
    backbone = runpy.run_path(str(EXAMPLES / f"{name}.py"))["frozen"]()
    pictures = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        z = backbone.encode(pictures)
        assert (z.flatten(1) - torch.nn.functional.pixel_unshuffle(pictures, 2).flatten(1)).abs().max() > 0.05
        assert (backbone.decode(z) - pictures).abs().max() < 1e-5
    assert z[0].numel() == pictures[0].numel() and backbone.info.inverse == "exact"


def test_the_blocks_of_the_i_resnet_contract() -> None:
    """The largest singular value of the Jacobian of g, at some pictures, against the bound that was set."""
    example = runpy.run_path(str(EXAMPLES / "i_resnet.py"))
    torch.manual_seed(0)
    network = example["IResNet"]()
    x = torch.randn(1, 4, example["SIDE"], example["SIDE"])
    for block in network.blocks:
        jacobian = torch.autograd.functional.jacobian(block.g, x).reshape(x.numel(), x.numel())
        assert 0.05 < torch.linalg.matrix_norm(jacobian, 2) <= example["COEFFICIENT"] ** 2 * 1.01
