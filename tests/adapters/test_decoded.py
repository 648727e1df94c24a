"""A decoder for frozen features: trained by a recipe, bound to its encoder, and good enough to look at."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import unbraid
from unbraid.__main__ import main
from unbraid.adapters.backbones.decoded.model import FeatureDecoder
from unbraid.adapters.backbones.decoded.pretrain import SquaredError
from unbraid.core.artefacts import read_tensors
from unbraid.core.catalogue import load_backbone, load_dataset
from unbraid.core.errors import BackboneMismatchError, ConfigError
from unbraid.core.export import to_onnx
from unbraid.core.interfaces import Draws, Graph, ImageSpec, LatentSpec, Rows


class Halves(nn.Module):
    """Keeps every other column and row: an encoder from which bars can be told exactly."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, ::2, ::2].flatten(1) * 7 - 3


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars, content the column and style the brightness; an ONNX encoder; and the recipe for its decoder."""
    folder = tmp_path_factory.mktemp("decoded")
    grid = np.zeros((8, 6, 8, 8), np.uint8)
    for content in range(8):
        for style in range(6):
            grid[content, style, :, content // 2 * 2] = 100 + 30 * style
    np.savez(folder / "bars.npz", images=grid)
    (folder / "halves.onnx").write_bytes(to_onnx("encode", Graph(Halves(), {"image": (1, 8, 8)}, {"latent": (16,)})))
    text = f"""
    dataset: {{name: npz, path: {folder / "bars.npz"}}}
    backbone: {{name: decoded, encoder: onnx, settings: {{weights: {folder / "halves.onnx"}, licence: CC0-1.0}}, base: 8}}
    pretrain: {{batch_size: 16, lr: 5e-3, device: cpu}}
    fit: {{steps: 200, eval_every: 100, checkpoint_every: 100, quiet: true, threads: 1}}
    """
    (folder / "recipe.yaml").write_text(text)
    return folder / "recipe.yaml"


@pytest.fixture(scope="module")
def run(recipe: Path) -> Path:
    out = recipe.parent / "run"
    assert main(["pretrain", str(recipe), "--out", str(out)]) == 0
    return out


def test_pictures_come_back_from_features(recipe: Path, run: Path) -> None:
    figures = json.loads((run / "metrics.json").read_text())["reconstruction"]
    by_split = {(figure["content"], figure["style"]): figure["share"] for figure in figures}
    assert by_split["train", "train"] < 0.1
    data = load_dataset("npz", path=str(recipe.parent / "bars.npz"))
    backbone = load_backbone("decoded", weights=str(run / "weights"))
    pictures = torch.from_numpy(np.array(data.images[data.training_rows()])).float() / 255
    with torch.no_grad():
        back = backbone.decode(backbone.encode(pictures))
    share = float((back - pictures).square().mean() / pictures.var(0, correction=0).mean())
    assert share == pytest.approx(by_split["train", "train"], rel=1e-3)


def test_the_encoder_is_the_one_there_was(recipe: Path, run: Path) -> None:
    whole = load_backbone("onnx", weights=str(recipe.parent / "halves.onnx"))
    joined = load_backbone("decoded", weights=str(run / "weights"))
    x = torch.rand(3, 1, 8, 8)
    assert torch.equal(whole.encode(x), joined.encode(x)) and joined.graph("encode") == whole.graph("encode")
    assert (whole.info.inverse, joined.info.inverse) == ("none", "amortised")
    assert "encoder: CC0-1.0" in joined.info.licence and joined.info.trained_on == "npz:bars.npz:train"
    assert not any("encoder" in name for name in read_tensors(run / "weights" / "model.safetensors"))


def test_swaps_can_be_looked_at_and_exported(run: Path) -> None:
    backbone = load_backbone("decoded", weights=str(run / "weights"))
    model = unbraid.attach("fden", backbone, device="cpu", factor_width=4)
    x = torch.rand(2, 1, 8, 8)
    assert model.transfer(content=x, style=x.flip(0)).shape == x.shape
    report = model.export(run / "bundle")
    assert {"encode", "decode"} <= set(report.graphs)


def test_a_head_finds_encoder_and_decoder_again(run: Path, tmp_path: Path) -> None:
    backbone = load_backbone("decoded", weights=str(run / "weights"))
    model = unbraid.attach("prototype", backbone, device="cpu")
    model.save(tmp_path / "head")
    again = unbraid.load(tmp_path / "head", device="cpu")
    assert again.backbone.fingerprint == backbone.fingerprint


def test_another_encoder_is_refused(recipe: Path, run: Path, tmp_path: Path) -> None:
    other = nn.Sequential(nn.Flatten(), nn.Linear(64, 16))
    graph = Graph(other, {"image": (1, 8, 8)}, {"latent": (16,)})
    (tmp_path / "other.onnx").write_bytes(to_onnx("encode", graph))
    with pytest.raises(BackboneMismatchError, match="another encoder"):
        load_backbone("decoded", weights=str(run / "weights"), settings={"weights": str(tmp_path / "other.onnx")})


def test_only_training_classes_are_trained_on(recipe: Path, tmp_path: Path) -> None:
    """Noise in place of every picture with a test class changes no weight."""
    data = load_dataset("npz", path=str(recipe.parent / "bars.npz"))
    with np.load(recipe.parent / "bars.npz") as arrays:
        grid = arrays["images"].copy()
    rows = data.test_rows()
    flat = grid.reshape(-1, 8, 8)
    flat[rows] = np.random.default_rng(0).integers(0, 256, (len(rows), 8, 8))
    np.savez(tmp_path / "bars.npz", images=grid)
    found = []
    for path in (recipe.parent / "bars.npz", tmp_path / "bars.npz"):
        out = tmp_path / f"run{len(found)}"
        short = ["--set", "fit.steps=20", "--set", f"dataset.path={path}"]
        assert main(["pretrain", str(recipe), *short, "--out", str(out)]) == 0
        found.append(read_tensors(out / "weights" / "model.safetensors"))
    assert all(torch.equal(tensor, found[1][name]) for name, tensor in found[0].items())


def test_the_loss_is_the_mean_squared_error_of_a_pixel() -> None:
    decoder = FeatureDecoder(LatentSpec((2, 1, 2)), ImageSpec(3, 5, 9), base=4).eval()
    z, pictures = torch.randn(4, 2, 1, 2), torch.rand(4, 3, 5, 9)
    decoder.start_from(torch.ones(2, 1, 2), torch.full((2, 1, 2), 4.0))
    back = decoder(z)
    assert back.shape == pictures.shape
    torch.testing.assert_close(
        back, decoder.last(decoder.stages(decoder.spread((z.flatten(1) - 1) / 2).view(-1, *decoder.first))).sigmoid()
    )
    rows = Rows(torch.cat([z.flatten(1), pictures.flatten(1)], 1), {})
    found = SquaredError(decoder, 4)({"pairs": rows}, Draws(0, "t", 0))["reconstruction"].value
    torch.testing.assert_close(found, nn.functional.mse_loss(back, pictures))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({}, "which encoder"), ({"encoder": "decoded"}, "for itself"), ({"encoder": "vae", "base": 0}, "base")],
)
def test_settings_that_do_not_fit(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_backbone("decoded", **settings)
