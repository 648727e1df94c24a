"""An autoregressive decoder for frozen latents: exact order, exact likelihood, fixed draws, and clear limits."""

import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import zoo_manifest
from torch import Tensor, nn

import unbraid
from unbraid.__main__ import main
from unbraid.adapters.backbones.pixelvae.adapter import PixelVAEBackbone
from unbraid.adapters.backbones.pixelvae.model import PixelDecoder
from unbraid.core.artefacts import read_tensors
from unbraid.core.catalogue import load_backbone, load_dataset
from unbraid.core.errors import CapabilityError, ConfigError, DataError, ImageError
from unbraid.core.export import to_onnx
from unbraid.core.interfaces import Graph, ImageSpec, LatentSpec
from unbraid.registry import Registry, get_registry, use_registry

SIZES = {"layers": 2, "maps": 4}


def decoder(height: int, width: int, *, scale: float = 2.0, seed: int = 0, **settings: int) -> PixelDecoder:
    """An untrained decoder in float64 whose probabilities are far from a half, as those of a trained one are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sizes = {"layers": 3, "maps": 8} | settings
        made = PixelDecoder(
            LatentSpec((2,)), ImageSpec(1, height, width), **sizes, sampling="draw", sampling_seed=0
        ).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(scale)
    return made


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).double()


def all_pictures(height: int, width: int) -> Tensor:
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=height * width))).double().view(-1, 1, height, width)


@pytest.mark.parametrize("layers", [1, 3])
def test_a_pixel_depends_on_those_before_it_and_on_no_other(layers: int) -> None:
    """The gradient is 0 bit for bit at the pixel itself and after it; before it, within reach, it is not.

    Ten pictures each: a rectified unit may be off in one, and every unit at a pixel in one of a thousand.
    """
    height, width = 6, 5
    model = decoder(height, width, layers=layers)
    z, x = normal(10, 2), torch.rand(10, 1, height, width).double()
    slopes: Tensor = torch.func.jacrev(lambda x: model.logits(x, z).sum(0).flatten())(x)  # of each picture's own logits
    moves = (slopes != 0).any(1).flatten(1)
    pixel = torch.arange(height * width)
    before = pixel[None, :] < pixel[:, None]
    if layers == 1:  # one layer reaches three pixels up, left and right
        rows, columns = pixel // width, pixel % width
        before &= (rows[:, None] - rows[None, :] <= 3) & ((columns[:, None] - columns[None, :]).abs() <= 3)
    assert torch.equal(moves, before)


def test_probabilities_of_all_pictures_sum_to_one() -> None:
    model, pictures = decoder(3, 3), all_pictures(3, 3)
    for z in normal(3, 2):
        logs = model.log_likelihood(pictures, z.expand(len(pictures), 2))
        assert logs.logsumexp(0).item() == pytest.approx(0, abs=1e-12)
        assert logs.exp().max() > 2 / len(pictures)  # not the uniform distribution, which sums to one too


def test_drawn_pictures_are_as_frequent_as_their_likelihood_says() -> None:
    model, pictures, n = decoder(3, 3), all_pictures(3, 3), 20_000
    z = torch.tensor([[0.5, -1.0]]).double()
    uniforms = torch.rand(n, 3, 3, generator=torch.Generator().manual_seed(1)).double()
    drawn = model.draw(z.expand(n, 2), uniforms)
    place = (drawn.flatten(1) * 2.0 ** torch.arange(8, -1, -1)).sum(1).long()
    counts = torch.bincount(place, minlength=len(pictures))
    p = model.log_likelihood(pictures, z.expand(len(pictures), 2)).exp().detach()
    bound = 5 * (n * p * (1 - p)).sqrt() + 3  # five deviations, of 512 counts
    assert bool(((counts - n * p).abs() <= bound).all())
    other = model.log_likelihood(pictures, -z.expand(len(pictures), 2)).exp().detach()
    assert not bool(((counts - n * other).abs() <= bound).all())


def test_pixels_are_drawn_by_the_probabilities_that_one_pass_gives() -> None:
    model = decoder(9, 7)
    z, uniforms = normal(6, 2), torch.rand(9, 7).double()
    drawn = model.draw(z, uniforms)
    p = model.logits(drawn, z).sigmoid()
    assert bool(((p - uniforms).abs() > 1e-9).all())  # no pixel where rounding decides
    assert torch.equal(drawn, (uniforms < p).double()) and 0.05 < drawn.mean() < 0.95


@pytest.fixture(scope="module")
def loose() -> PixelVAEBackbone:
    """An untrained backbone of 12 x 12 pictures whose decoder has probabilities far from a half."""
    return lively()


def lively(**settings: object) -> PixelVAEBackbone:
    backbone = load_backbone(
        "pixelvae", encoder="vae", settings={"width": 5, "base": 4, "size": 12}, **SIZES, **settings
    )
    assert isinstance(backbone, PixelVAEBackbone) and backbone.decoder is not None
    with torch.no_grad():
        for parameter in backbone.decoder.parameters():
            parameter.mul_(2.5)
    return backbone


def own_decoder(backbone: PixelVAEBackbone) -> PixelDecoder:
    assert isinstance(backbone.decoder, PixelDecoder)
    return backbone.decoder


def test_a_latent_is_always_decoded_to_the_same_picture(loose: PixelVAEBackbone) -> None:
    z = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    state = torch.get_rng_state()
    together = loose.decode(z)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(together, loose.decode(z)) and torch.equal(together, lively().decode(z))
    assert torch.equal(together, torch.cat([loose.decode(row[None]) for row in z]))
    assert torch.equal(together.flip(0), loose.decode(z.flip(0)))
    assert set(together.flatten().tolist()) == {0.0, 1.0} and together.dtype == torch.float32
    assert len({tuple(row.tolist()) for row in together.flatten(1)}) == len(
        z
    )  # the latent decides, not the random numbers alone


def test_sampling_is_what_the_settings_say(loose: PixelVAEBackbone) -> None:
    z = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    other, mode = lively(sampling_seed=1), lively(sampling="mode")
    assert not torch.equal(other.decode(z), loose.decode(z))
    assert len({loose.fingerprint, other.fingerprint, mode.fingerprint}) == 3
    likelier = mode.decode(z)
    assert torch.equal(likelier, (own_decoder(mode).logits(likelier, z) > 0).float())
    assert torch.equal(likelier, lively(sampling="mode", sampling_seed=1).decode(z))


def test_the_likelihood_of_a_picture_is_that_of_it_in_black_and_white(loose: PixelVAEBackbone) -> None:
    x, z = torch.rand(3, 1, 12, 12), torch.randn(3, 5)
    found = loose.log_likelihood(x, z)
    assert found.shape == (3,) and bool((found < 0).all()) and not found.requires_grad
    assert torch.equal(found, loose.log_likelihood(((x > 0.5) * 255).to(torch.uint8), z))
    p, white = own_decoder(loose).logits((x > 0.5).float(), z).sigmoid(), x > 0.5
    torch.testing.assert_close(found, torch.where(white, p, 1 - p).log().sum((1, 2, 3)))


def test_what_does_not_fit_is_said(loose: PixelVAEBackbone) -> None:
    x, z = torch.rand(3, 1, 12, 12), torch.randn(3, 5)
    with pytest.raises(ImageError, match="wrong size"):
        loose.log_likelihood(torch.rand(3, 1, 8, 8), z)
    with pytest.raises(ImageError, match="divide by 255"):
        loose.log_likelihood(x * 255, z)
    for wrong in (z[:2], z[:, :4], z[0]):
        with pytest.raises(DataError, match=r"latents[\s\S]*expected: \(3, 5\)"):
            loose.log_likelihood(x, wrong)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "which encoder"),
        ({"encoder": "pixelvae"}, "for itself"),
        ({"encoder": "vae", "layers": 0}, "layers"),
        ({"encoder": "vae", "maps": 0}, "maps"),
        ({"encoder": "vae", "sampling": "mean"}, r"draw"),
        ({"encoder": "vae", "settings": {"channels": 3}}, r"must be grey[\s\S]*decoded"),
    ],
)
def test_settings_that_do_not_fit(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_backbone("pixelvae", **settings)


def test_methods_that_need_gradients_are_refused(loose: PixelVAEBackbone) -> None:
    assert not loose.encode(torch.rand(2, 1, 12, 12, requires_grad=True)).requires_grad
    assert not loose.decode(torch.randn(2, 5, requires_grad=True)).requires_grad
    refused = pytest.raises(CapabilityError, match=r"pixel-cycle needs a backbone that can gradient[\s\S]*pixelvae")
    with use_registry(Registry([*get_registry().manifests, zoo_manifest])), refused:
        unbraid.attach("pixel-cycle", loose, device="cpu")
    with pytest.raises(CapabilityError, match=r"gradient[\s\S]*pixelvae"):
        unbraid.attach("cycle_vae", loose, device="cpu", cycle_through="pixels")
    assert unbraid.attach("cycle_vae", loose, device="cpu", cycle_through="latent").head.factors


def test_a_bundle_goes_without_pictures_and_says_so(tmp_path: Path) -> None:
    settings = {"width": 5, "base": 4, "size": 8}
    backbone = load_backbone("pixelvae", encoder="vae", settings=settings, **SIZES)
    with pytest.raises(CapabilityError, match=r"one pixel after the other[\s\S]*64 steps[\s\S]*decoded"):
        backbone.graph("decode")
    model = unbraid.attach("fden", backbone, device="cpu", factor_width=4, trunk=(8,))
    report = model.export(tmp_path / "bundle")
    assert "decode: left out, pixelvae draws pictures one pixel after the other" in str(report)
    assert set(report.graphs) >= {"encode", "disentangle", "entangle"} and "decode" not in report.graphs
    bundle, x = unbraid.load_bundle(tmp_path / "bundle"), torch.rand(2, 1, 8, 8)
    there, here = bundle.disentangle(x.numpy()), model.disentangle(x)
    assert all(np.abs(there[name] - here[name].numpy()).max() < 1e-5 for name in here)
    with pytest.raises(CapabilityError, match="decode"):
        bundle.transfer(content=x.numpy(), style=x.numpy())
    assert model.transfer(content=x, style=x).shape == x.shape


class Halves(nn.Module):
    """Keeps every other column and row: an encoder from which bars can be told exactly."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, ::2, ::2].flatten(1) * 7 - 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars, four columns and three lengths; an ONNX encoder; and a decoder trained for it by a recipe."""
    found = tmp_path_factory.mktemp("pixelvae")
    grid = np.zeros((8, 6, 8, 8), np.uint8)
    for content in range(8):
        for style in range(6):
            grid[content, style, : style % 3 * 2 + 3, content % 4 * 2] = 200
    np.savez(found / "bars.npz", images=grid)
    (found / "halves.onnx").write_bytes(to_onnx("encode", Graph(Halves(), {"image": (1, 8, 8)}, {"latent": (16,)})))
    text = f"""
    dataset: {{name: npz, path: {found / "bars.npz"}}}
    backbone: {{name: pixelvae, encoder: onnx, settings: {{weights: {found / "halves.onnx"}, licence: CC0-1.0}}, layers: 3, maps: 8}}
    pretrain: {{batch_size: 16, lr: 5e-3, device: cpu}}
    fit: {{steps: 300, eval_every: 100, checkpoint_every: 100, quiet: true, threads: 1}}
    """
    (found / "recipe.yaml").write_text(text)
    sha = hashlib.sha256((found / "halves.onnx").read_bytes()).hexdigest()
    assert main(["pretrain", str(found / "recipe.yaml"), "--out", str(found / "run")]) == 0
    assert hashlib.sha256((found / "halves.onnx").read_bytes()).hexdigest() == sha
    return found


def test_pretraining_leaves_the_encoder_and_learns_to_read_the_latent(folder: Path) -> None:
    """Latents tell which bar it is, so that a picture needs hardly a bit; of twelve bars it would need 3.6 without them."""
    data = load_dataset("npz", path=str(folder / "bars.npz"))
    backbone = load_backbone("pixelvae", weights=str(folder / "run" / "weights"))
    assert isinstance(backbone, PixelVAEBackbone)
    whole = load_backbone("onnx", weights=str(folder / "halves.onnx"))
    pictures = torch.from_numpy(np.array(data.images[data.training_rows()])).float() / 255
    z = backbone.encode(pictures)
    assert torch.equal(z, whole.encode(pictures)) and backbone.graph("encode") == whole.graph("encode")
    bits = -backbone.log_likelihood(pictures, z) / np.log(2)
    misled = -backbone.log_likelihood(pictures, z.roll(1, 0)) / np.log(2)
    assert bits.mean() < 1 and misled.mean() > 3.6
    figures = json.loads((folder / "run" / "metrics.json").read_text())["reconstruction"]
    share = {(figure["content"], figure["style"]): figure["share"] for figure in figures}
    assert share["train", "train"] < 0.3  # most of it that they are grey
    tensors = read_tensors(folder / "run" / "weights" / "model.safetensors")
    assert not any("encoder" in name or "uniforms" in name for name in tensors)
    assert "encoder: CC0-1.0" in backbone.info.licence and backbone.info.trained_on == "npz:bars.npz:train"


def test_a_head_finds_encoder_decoder_and_sampling_again(folder: Path, tmp_path: Path) -> None:
    backbone = load_backbone("pixelvae", weights=str(folder / "run" / "weights"), sampling="mode")
    model = unbraid.attach("prototype", backbone, device="cpu")
    model.save(tmp_path / "head")
    again = unbraid.load(tmp_path / "head", device="cpu").backbone
    z = torch.randn(4, 16)
    assert again.fingerprint == backbone.fingerprint and torch.equal(again.decode(z), backbone.decode(z))


def test_weights_of_another_architecture_are_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"another architecture[\s\S]*maps 4"):
        load_backbone("pixelvae", weights=str(folder / "run" / "weights"), maps=4)
