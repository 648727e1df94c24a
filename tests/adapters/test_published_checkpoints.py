"""Checkpoints that others published: converted without running a pickle, and as good as they are said to be."""

import gzip
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from unbraid.__main__ import main
from unbraid.adapters.backbones.burgess_vae.config import Architecture
from unbraid.adapters.backbones.burgess_vae.model import build
from unbraid.adapters.backbones.taesd.config import Architecture as TinyArchitecture
from unbraid.adapters.backbones.taesd.model import build as build_tiny
from unbraid.core.artefacts import read_tensors
from unbraid.core.catalogue import load_backbone, load_dataset
from unbraid.core.checkpoints import convert, read_checkpoint
from unbraid.core.errors import ArtefactError, CapabilityError, ConfigError, DamagedArtefactError, FormatVersionError

#: Mean squared error of a pixel that the authors of the collection measured on 200 test digits.
DIGITS = {"VAE": 0.0069, "factor": 0.0076, "betaH": 0.0096, "btcvae": 0.0119, "betaB": 0.0253}
#: Networks with two codes: largest error; the best constant picture has 0.062.
TWO_CODES = {"cycle-vae": 0.03, "mathieu": 0.0155, "szabo": 0.013}
#: PSNR in dB of faces by their side.
FACES = {128: 31.6, 64: 28.0, 32: 23.1}


@pytest.fixture(scope="module")
def models(data_folder: Path) -> Path:
    if not (data_folder / "models").is_dir():
        pytest.skip("no published checkpoints in UNBRAID_DATA")
    return data_folder / "models"


@pytest.fixture(scope="module")
def digits(data_folder: Path) -> Tensor:
    """The 10,000 test digits, read without any code of ours."""
    raw = gzip.decompress((data_folder / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    return torch.from_numpy(np.frombuffer(raw, np.uint8).reshape(-1, 1, 28, 28).copy()).float() / 255


@torch.no_grad()
@pytest.mark.parametrize(
    "name", ["VAE", *[pytest.param(name, marks=pytest.mark.slow) for name in DIGITS if name != "VAE"]]
)
def test_digits_come_back_at_the_published_error(models: Path, digits: Tensor, tmp_path: Path, name: str) -> None:
    """The published figure is of some 200 digits: it must be a likely one among those of blocks of 200."""
    where = convert("burgess_vae", [models / "burgess-vae" / f"{name}_mnist.pt"], tmp_path / name)
    backbone = load_backbone("burgess_vae", weights=str(where))
    pictures = functional.interpolate(digits, size=32, mode="bilinear", align_corners=False)
    errors = torch.cat(
        [(backbone.decode(backbone.encode(x)) - x).square().mean((1, 2, 3)) for x in pictures.split(500)]
    )
    blocks = errors.view(50, 200).mean(1)
    assert abs(float(blocks.mean()) - DIGITS[name]) < 2 * float(blocks.std())
    assert backbone.info.licence == "MIT" and backbone.info.trained_on == "mnist:train"
    assert "disentangling-vae" in backbone.info.source


@pytest.mark.parametrize("data", ["celeba", "dsprites"])
def test_every_other_checkpoint_is_known(models: Path, tmp_path: Path, data: str) -> None:
    files = sorted((models / "burgess-vae").glob(f"*_{data}.pt"))
    assert len(files) == 3
    for file in files:
        backbone = load_backbone("burgess_vae", weights=str(convert("burgess_vae", [file], tmp_path / file.stem)))
        assert backbone.info.input.shape == (3 if data == "celeba" else 1, 64, 64)
        assert backbone.info.trained_on == f"{data}:train"
        assert ("non-commercial" in backbone.info.licence) == (data == "celeba")


def test_shapes_of_dsprites_come_back(models: Path, tmp_path: Path) -> None:
    """Rectangles and ellipses, drawn here; the best constant picture has ten times the error."""
    y, x = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 31.5, indexing="ij")
    ellipses = [
        ((x - a) ** 2 / r**2 + (y - b) ** 2 / (r / 2) ** 2 < 1) for a in (-9, 8) for b in (-7, 9) for r in (9, 11)
    ]
    boxes = [((x - a).abs() < r) & ((y - b).abs() < r) for a in (-9, 8) for b in (-7, 9) for r in (5, 7)]
    pictures = torch.stack([*ellipses, *boxes]).float()[:, None]
    where = convert("burgess_vae", [models / "burgess-vae" / "VAE_dsprites.pt"], tmp_path / "vae")
    backbone = load_backbone("burgess_vae", weights=str(where))
    with torch.no_grad():
        error = float((backbone.decode(backbone.encode(pictures)) - pictures).square().mean())
    constant = float((pictures - pictures.mean(0)).square().mean())
    assert error < 0.005 and error < constant / 10


@torch.no_grad()
@pytest.mark.parametrize("name", TWO_CODES)
def test_digits_come_back_from_two_codes(models: Path, digits: Tensor, tmp_path: Path, name: str) -> None:
    files = [models / "pair-disentangling" / name / f"{part}.pth" for part in ("encoder", "decoder")]
    backbone = load_backbone("two_code", weights=str(convert("two_code", files, tmp_path / name)))
    pictures = digits[:200]
    z = backbone.encode(pictures)
    assert float((backbone.decode(z) - pictures).square().mean()) < TWO_CODES[name]
    swapped = backbone.decode(torch.cat([z[:, :16], z[:, 16:].roll(1, 0)], 1))
    assert float((swapped - pictures).square().mean()) > 2 * TWO_CODES[name]  # the second code is the digit
    assert backbone.info.latent.stochastic == (name != "szabo")


@torch.no_grad()
def test_the_specified_code_knows_the_digit(models: Path, digits: Tensor, data_folder: Path, tmp_path: Path) -> None:
    """The publication has 98.35 % for a probe of cycle-VAE's specified code; nearest neighbours do nearly as well."""
    raw = gzip.decompress((data_folder / "mnist" / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    labels = torch.from_numpy(np.frombuffer(raw, np.uint8).copy())[:3000]
    files = [models / "pair-disentangling" / "cycle-vae" / f"{part}.pth" for part in ("encoder", "decoder")]
    backbone = load_backbone("two_code", weights=str(convert("two_code", files, tmp_path / "cycle")))
    z = backbone.encode(digits[:3000])
    accuracy = {name: _one_nearest(code, labels) for name, code in (("style", z[:, :16]), ("class", z[:, 16:]))}
    assert accuracy["class"] > 0.96 and accuracy["style"] < 0.6


def _one_nearest(code: Tensor, labels: Tensor) -> float:
    nearest = torch.cdist(code[:1000], code[1000:]).argmin(1)
    return float((labels[1000:][nearest] == labels[:1000]).float().mean())


@torch.no_grad()
@pytest.mark.parametrize("size", [pytest.param(size, marks=[pytest.mark.slow] * (size > 64)) for size in FACES])
def test_faces_come_back_from_taef2(models: Path, tmp_path: Path, size: int) -> None:
    files = [models / "taef2" / f"taef2_{part}.pth" for part in ("encoder", "decoder")]
    backbone = load_backbone("taesd", weights=str(convert("taesd", files, tmp_path / "taef2")), size=size)
    faces = load_dataset("london-faces", size=size)
    pictures = torch.from_numpy(np.array(faces.images[np.arange(0, len(faces), 20)])).float() / 255
    error = (backbone.decode(backbone.encode(pictures)) - pictures).square().mean()
    assert -10 * float(error.log10()) > FACES[size]
    assert backbone.info.latent.shape == (32, size // 8, size // 8) and backbone.info.licence.startswith("MIT")


@torch.no_grad()
@pytest.mark.slow
def test_tiny_autoencoders_are_those_of_diffusers() -> None:
    """Two implementations, one set of weights: the author's layout here, diffusers' there."""
    diffusers = pytest.importorskip("diffusers")
    theirs = diffusers.AutoencoderTiny().eval()
    ours = build_tiny(TinyArchitecture())
    ours.load_state_dict({_shifted(name): tensor for name, tensor in theirs.state_dict().items()}, strict=True)
    x = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    z = ours.encoder(x).mean
    torch.testing.assert_close(z, theirs.encode(2 * x - 1).latents, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.decoder(z), (theirs.decode(z).sample / 2 + 0.5).clamp(0, 1), atol=1e-5, rtol=1e-5)


def _shifted(name: str) -> str:
    """Diffusers squashes latents outside its list of decoder layers, the author inside: his numbers are one higher."""
    part, _, rest = name.partition(".layers.")
    number, _, tail = rest.partition(".")
    return f"{part}.layers.{int(number) + (part == 'decoder')}.{tail}"


class Trap:
    """A pickle that would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path, zipped: bool) -> None:
    file, trap = tmp_path / "bad.pt", tmp_path / "trap"
    state: dict[str, object] = {"weight": torch.zeros(2), "extra": Trap(trap)}
    torch.save(state, file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ArtefactError, match="more than tensors") as caught:
        convert("burgess_vae", [file], tmp_path / "out")
    assert not trap.exists() and not (tmp_path / "out").exists()
    assert "mkdir" in str(caught.value) and "weights_only" not in str(caught.value)
    with pytest.raises(FileExistsError):  # the trap works: a loader that trusts files would have run it
        trap.mkdir()
        pickle.loads(pickle.dumps(Trap(trap)))  # noqa: S301


def test_every_other_loader_reads_no_pickle(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    torch.save({"weight": torch.zeros(2), "extra": Trap(tmp_path / "trap")}, file)
    for name, settings in (("timm", {"model": "test_vit"}), ("torchvision", {"model": "alexnet"})):
        with pytest.raises(DamagedArtefactError, match="damaged"):
            load_backbone(name, weights=str(file), **settings)
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 truncated"])
def test_files_that_are_no_checkpoints(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.pt"
    file.write_bytes(content)
    with pytest.raises(ArtefactError):
        read_checkpoint(file)


def test_what_checkpoints_keep_beside_the_tensors_is_left(tmp_path: Path) -> None:
    tensors = {"weight": torch.arange(3.0)}
    torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in tensors.items()}}, tmp_path / "x.pt")
    assert list(read_checkpoint(tmp_path / "x.pt")) == ["weight"]
    torch.save({"epoch": 3}, tmp_path / "y.pt")
    with pytest.raises(ArtefactError, match="no state dict"):
        read_checkpoint(tmp_path / "y.pt")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.save(build(Architecture(width=3)).state_dict(), tmp_path / "mine.pt")
    return tmp_path / "mine.pt"


def test_the_command_converts_and_repeats_what_is_stated(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = checkpoint.parent / "mine"
    stated = ["--licence", "CC0-1.0", "--source", "my desk", "--trained-on", "mine:train"]
    assert main(["backbone", "convert", "burgess_vae", str(checkpoint), "--out", str(out), *stated]) == 0
    assert str(out) in capsys.readouterr().out
    backbone = load_backbone("burgess_vae", weights=str(out))
    info = backbone.info
    assert (info.licence, info.source, info.trained_on) == ("CC0-1.0", "my desk", "mine:train")
    written = read_tensors(out / "model.safetensors")
    assert all(torch.equal(tensor, written[name]) for name, tensor in read_checkpoint(checkpoint).items())
    assert main(["backbone", "convert", "burgess_vae", str(checkpoint), "--out", str(checkpoint)]) == 2
    assert main(["backbone", "convert", "vae", str(checkpoint), "--out", str(out)]) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("encoder.lin1.bias"), "encoder.lin1.bias is missing"),
        (lambda t: t.pop("encoder.conv1.weight"), "is no Burgess VAE"),
        (lambda t: t.update({"encoder.lin1.bias": torch.zeros(5)}), r"is \(5,\), not \(256,\)"),
        (lambda t: t.update(extra=torch.zeros(5)), "extra is unexpected"),
        (lambda t: t["encoder.lin1.bias"].fill_(float("nan")), "NaN"),
    ],
)
def test_checkpoints_of_other_networks(
    checkpoint: Path, change: Callable[[dict[str, Tensor]], object], message: str
) -> None:
    tensors = read_checkpoint(checkpoint)
    change(tensors)
    torch.save(tensors, checkpoint)
    with pytest.raises(ArtefactError, match=message):
        convert("burgess_vae", [checkpoint], checkpoint.parent / "out")


def test_the_wrong_number_or_order_of_files(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="number of files"):
        convert("two_code", [checkpoint], tmp_path / "out")
    for name in ("two_code", "taesd"):
        with pytest.raises(ArtefactError, match="comes first"):
            convert(name, [checkpoint, checkpoint], tmp_path / "out")
    with pytest.raises(CapabilityError, match="burgess_vae"):
        convert("vae", [checkpoint], tmp_path / "out")


def test_weights_of_another_adapter_or_altered(checkpoint: Path, tmp_path: Path) -> None:
    out = convert("burgess_vae", [checkpoint], tmp_path / "out")
    with pytest.raises(ArtefactError, match="another backbone"):
        load_backbone("taesd", weights=str(out))
    with pytest.raises(ConfigError, match="another architecture"):
        load_backbone("burgess_vae", weights=str(out), width=4)
    config = (out / "config.json").read_text()
    (out / "config.json").write_text(config.replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(FormatVersionError, match="newer version"):
        load_backbone("burgess_vae", weights=str(out))
    (out / "config.json").write_text(config)
    content = bytearray((out / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (out / "model.safetensors").write_bytes(content)
    with pytest.raises(DamagedArtefactError, match="was altered"):
        load_backbone("burgess_vae", weights=str(out))
