"""What goes wrong with backbones from elsewhere: one clear error each, before any work is done."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import zoo_manifest
from backbone_rows import write_onnx
from onnx import TensorProto, helper
from safetensors.torch import save_file

import unbraid
from unbraid.__main__ import main
from unbraid.core.artefacts import read_json
from unbraid.core.errors import ArtefactError, CapabilityError, ConfigError, ImageError, UnknownNameError
from unbraid.registry import Registry, get_registry, use_registry


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    write_onnx(folder)
    return folder


@pytest.fixture
def files(exported: Path, tmp_path: Path) -> Path:
    """An ONNX encoder and decoder that a test may spoil."""
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(2, 3, 32, 32), "wrong channel count"),
        (torch.rand(2, 1, 28, 28), r"wrong size[\s\S]*B x 1 x 32 x 32[\s\S]*2 x 1 x 28 x 28"),
        (torch.rand(2, 1, 32, 32) * 255, "divide by 255"),
        (torch.rand(2, 1, 32, 32) * 2 - 1, "-1..1"),
        (torch.full((2, 1, 32, 32), float("nan")), "NaN"),
        (np.zeros((2, 1, 32, 32), np.int64), "dtype"),
    ],
)
def test_images_that_do_not_fit(images: Any, message: str) -> None:
    model = unbraid.attach("prototype", unbraid.load_backbone("burgess_vae"), device="cpu")
    with pytest.raises(ImageError, match=message):
        model.encode(images)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("burgess_vae", {"size": 48}, "32 or 64"),
        ("burgess_vae", {"channels": 2}, "1 .grey. or 3"),
        ("two_code", {"specified": 0}, ">= 1"),
        ("taesd", {"size": 20}, "a multiple of 8"),
        ("timm", {"model": "test_vit", "tap": "map"}, "tokens or pooled"),
        ("timm", {"model": "test_resnet", "tap": "tokens"}, "map or pooled"),
        ("timm", {"model": "test_vit", "channels": 2}, "1 or 3"),
        ("torchvision", {"model": "alexnet", "channels": 2}, "1 or 3"),
        ("autoencoder_kl", {}, "'weights' is missing"),
    ],
)
def test_settings_that_do_not_fit(name: str, settings: dict[str, Any], message: str) -> None:
    for library in get_registry().resolve("backbone", name).spec.requires:
        pytest.importorskip(library)
    with pytest.raises(ConfigError, match=message):
        unbraid.load_backbone(name, **settings)


@pytest.mark.parametrize(
    ("name", "settings", "near"),
    [
        ("timm", {"model": "resnet19"}, "resnet18"),
        ("torchvision", {"model": "resnet19"}, "resnet18"),
        ("torchvision", {"model": "squeezenet1_1", "tap": "featuers"}, "features"),
    ],
)
def test_unknown_names_come_with_near_matches(name: str, settings: dict[str, Any], near: str) -> None:
    with pytest.raises(UnknownNameError, match=f"did you mean.*{near}"):
        unbraid.load_backbone(name, **settings)


def test_weights_of_libraries_are_strict_but_for_the_classifier(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    state = timm.create_model("test_resnet", num_classes=9).state_dict()
    file = tmp_path / "model.safetensors"
    save_file(state, file)
    loaded = unbraid.load_backbone("timm", model="test_resnet", weights=str(file))
    assert torch.equal(loaded.state_dict()["encoder.model.conv1.0.weight"], state["conv1.0.weight"])
    assert unbraid.load_backbone("timm", model="test_resnet", weights=str(tmp_path)).fingerprint == loaded.fingerprint
    for change, message in (
        (lambda t: t.pop("conv1.0.weight"), "conv1.0.weight is missing"),
        (lambda t: t.update(extra=torch.zeros(2)), "extra is unexpected"),
        (lambda t: t.update({"conv1.0.weight": torch.zeros(2)}), r"conv1.0.weight is \(2,\), not"),
    ):
        wrong = dict(state)
        change(wrong)
        save_file(wrong, file)
        with pytest.raises(ArtefactError, match=message):
            unbraid.load_backbone("timm", model="test_resnet", weights=str(file))


def test_a_checkpoint_of_timm_is_converted(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    torch.save({"state_dict": timm.create_model("test_resnet").state_dict()}, tmp_path / "model.pth")
    assert main(["backbone", "convert", "timm", str(tmp_path / "model.pth"), "--out", str(tmp_path / "out")]) == 0
    assert unbraid.load_backbone("timm", model="test_resnet", weights=str(tmp_path / "out")).info.latent.is_map is False


def test_a_latent_too_wide_for_the_head() -> None:
    wide = unbraid.load_backbone("timm", model="test_resnet", tap="map", size=224)
    model = unbraid.attach("prototype", wide, device="cpu", network="raw")  # no network that could be too wide
    assert model.head.factors
    with pytest.raises(CapabilityError, match=r"too wide[\s\S]*32 x 32 = 32768"):
        backbone = unbraid.load_backbone("taesd", size=256, latent_channels=32)
        unbraid.attach("fden", backbone, device="cpu", map="flattened")


def rewritten(path: Path, change: Callable[[onnx.ModelProto], object]) -> None:
    model = onnx.load(path)
    change(model)
    path.write_bytes(model.SerializeToString())


def fix_batch(model: onnx.ModelProto) -> None:
    dim = model.graph.input[0].type.tensor_type.shape.dim[0]
    dim.ClearField("dim_param")
    dim.dim_value = 1


def add_random(model: onnx.ModelProto) -> None:
    last = model.graph.node[-1].output[0]
    model.graph.node[-1].output[0] = "clean"
    noise = helper.make_node("RandomNormalLike", ["clean"], ["noise"])
    model.graph.node.extend([noise, helper.make_node("Add", ["clean", "noise"], [last])])


def foreign(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "com.example"


def outside(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")


def old_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 11


def trace(model: onnx.ModelProto) -> None:
    model.graph.node[0].doc_string = 'File "/home/somebody/model.py", line 3'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (fix_batch, "static batch"),
        (add_random, "RandomNormalLike"),
        (foreign, "com.example"),
        (outside, "another file"),
        (old_opset, "opset"),
        (trace, "local path"),
    ],
)
@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_onnx_files_that_no_bundle_may_hold(
    files: Path, part: str, change: Callable[[onnx.ModelProto], object], message: str
) -> None:
    rewritten(files / f"{part}.onnx", change)
    with pytest.raises(ArtefactError, match=message) as caught:
        unbraid.load_backbone("onnx", weights=str(files / "encoder.onnx"), decoder=str(files / "decoder.onnx"))
    assert f"{part}.onnx" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not onnx", b"\x08\x01"])
def test_onnx_files_that_are_none(files: Path, content: bytes) -> None:
    (files / "encoder.onnx").write_bytes(content)
    with pytest.raises(ArtefactError, match=r"no ONNX file|other inputs and outputs"):
        unbraid.load_backbone("onnx", weights=str(files / "encoder.onnx"))


def test_a_decoder_for_other_latents(files: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="wrong inputs"):
        unbraid.load_backbone("onnx", weights=str(files / "encoder.onnx"), decoder=str(files / "encoder.onnx"))


def test_other_names_and_traces_are_put_right_by_converting(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_onnx(tmp_path, given="pixel_values", wanted="embedding")
    paths = [tmp_path / "encoder.onnx", tmp_path / "decoder.onnx"]
    rewritten(paths[0], trace)
    with pytest.raises(ArtefactError, match=r"pixel_values[\s\S]*backbone convert onnx"):
        unbraid.load_backbone("onnx", weights=str(paths[0]))
    out = tmp_path / "pair"
    command = ["backbone", "convert", "onnx", *map(str, paths), "--out", str(out), "--licence", "CC0-1.0"]
    assert main(command) == 0
    backbone = unbraid.load_backbone("onnx", weights=str(out))
    straight = unbraid.load_backbone(
        "onnx", weights=str(exported / "encoder.onnx"), decoder=str(exported / "decoder.onnx")
    )
    x = torch.rand(3, 1, 8, 8)
    assert torch.equal(backbone.encode(x), straight.encode(x))
    assert torch.equal(backbone.decode(backbone.encode(x)), straight.decode(straight.encode(x)))
    assert backbone.info.licence == "CC0-1.0"
    capsys.readouterr()
    assert main(["backbone", "info", str(out)]) == 0 and "CC0-1.0" in capsys.readouterr().out
    assert main(["backbone", "info", str(out / "encoder.onnx")]) == 0


def test_methods_that_need_gradients_are_refused_by_name(files: Path) -> None:
    pair = unbraid.load_backbone("onnx", weights=str(files / "encoder.onnx"), decoder=str(files / "decoder.onnx"))
    with use_registry(Registry([*get_registry().manifests, zoo_manifest])):
        with pytest.raises(CapabilityError, match=r"method pixel-cycle needs a backbone that can gradient[\s\S]*onnx"):
            unbraid.attach("pixel-cycle", pair, device="cpu")
        assert unbraid.attach("prototype", pair, device="cpu").head.factors


def test_an_export_holds_the_files_byte_for_byte(files: Path) -> None:
    backbone = unbraid.load_backbone(
        "onnx", weights=str(files / "encoder.onnx"), decoder=str(files / "decoder.onnx"), licence="CC0-1.0"
    )
    model = unbraid.attach("fden", backbone, device="cpu", factor_width=4)
    report = model.export(files / "bundle")
    for stage, part in (("encode", "encoder"), ("decode", "decoder")):
        written = files / "bundle" / "models" / stage / "1" / "model.onnx"
        assert written.read_bytes() == (files / f"{part}.onnx").read_bytes()
    assert read_json(files / "bundle" / "manifest.json")["backbone"]["licence"] == "CC0-1.0"
    assert "CC0-1.0" in (files / "bundle" / "README.md").read_text() and "CC0-1.0" in str(report)
    bundle = unbraid.load_bundle(files / "bundle")
    x = torch.rand(4, 1, 8, 8)
    there = bundle.transfer(content=x.numpy(), style=x.flip(0).numpy())
    here = model.transfer(content=x, style=x.flip(0))
    assert np.abs(there - here.numpy()).max() < 1e-5
