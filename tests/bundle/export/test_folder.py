"""The folder export writes, and what it refuses to write."""

import json
from hashlib import sha256

import jsonschema
import numpy as np
import onnx
import pytest
import torch
from safetensors.numpy import load_file

from unbraid.core.artefacts import verify_folder
from unbraid.core.bundle import Manifest, manifest_schema
from unbraid.core.errors import ArtefactError, ConfigError, ExportError, ImageError, ParityError
from unbraid.core.export import export_bundle
from unbraid.core.export.description import _public, describe
from unbraid.core.export.rows import image_rows
from unbraid.core.export.stages import stages_of
from unbraid.core.interfaces import Factor, Graph


@pytest.fixture(scope="module")
def written(exported):
    return json.loads((exported.folder / "manifest.json").read_text())


def test_the_manifest_says_what_is_in_the_folder(exported, written):
    assert written["schema_version"] == 1
    assert {"unbraid", "torch", "onnx", "onnxruntime", "opset"} <= written["versions"].keys()
    assert written["versions"]["opset"] == "20"
    assert written["image"] == {"dtype": "float32", "shape": ["batch", 1, 8, 8]}
    assert written["preprocessing"]["range"] == [0, 1] and written["preprocessing"]["layout"] == "NCHW"
    assert written["latent"]["shape"] == ["batch", 8]
    assert written["noise"] == {"input": "noise", "default": "zeros"}


def test_the_manifest_says_what_the_head_is(exported, written):
    (head,) = written["heads"].values()
    assert head["method"] == {"name": "toy", "distribution": "unbraid-toys", "version": "1.2.3"}
    assert [f["name"] for f in head["factors"]] == ["letter", "hand", "remainder"]
    assert head["factors"][0] == {
        "name": "letter",
        "shape": [3],
        "role": "content",
        "distribution": "categorical",
        "label": "content",
    }
    assert head["capabilities"] == ["classify", "entangle", "score"]
    assert head["graphs"]["vary"] == "vary" and head["ensemble"] == "factors"
    assert exported.report.manifest.capabilities == ("classify", "decode", "entangle", "score")


def test_the_fingerprint_of_the_head_is_that_of_what_is_exported(exported):
    """Weights that only train are no part of it, all others are."""
    model = exported.model
    head = model.head

    def print_of():
        stages = stages_of({"default": model})
        return describe({"default": model}, stages, {}, 20).heads["default"].fingerprint

    before = exported.report.manifest.heads["default"].fingerprint
    assert print_of() == before
    for part, same in ((head.critic, True), (head.classifier, False)):
        kept = part.bias.detach().clone()
        with torch.no_grad():
            part.bias.add_(1)
            assert (print_of() == before) is same
            part.bias.copy_(kept)


def test_the_backbone_is_named_by_its_fingerprint_and_not_by_a_local_path(exported, written):
    assert written["backbone"] == {
        "adapter": "toy",
        "source": "toy.safetensors",
        "licence": "CC0-1.0",
        "fingerprint": exported.model.backbone.fingerprint,
        "frozen": True,
    }


@pytest.mark.parametrize(
    ("source", "public"),
    [
        ("/home/me/vae.pt", "vae.pt"),
        ("C:\\Users\\me\\vae.pt", "vae.pt"),
        ("~/vae.pt", "vae.pt"),
        ("https://example.org/a/vae.pt", "https://example.org/a/vae.pt"),
        ("timm/resnet18.a1_in1k", "timm/resnet18.a1_in1k"),
        ("", ""),
    ],
)
def test_sources_that_are_local_lose_their_folder(source, public):
    assert _public(source) == public


def test_every_graph_is_hashed_measured_and_described(exported, written):
    for name, graph in written["graphs"].items():
        data = (exported.folder / "models" / name / "1" / "model.onnx").read_bytes()
        assert (graph["file"], graph["bytes"]) == (f"models/{name}/1/model.onnx", len(data))
        assert graph["sha256"] == sha256(data).hexdigest()
        assert (graph["opset"], graph["batch_max"], graph["precision"]) == (20, 256, "float32")
        assert graph["ir_version"] == onnx.load_from_string(data).ir_version
        assert graph["tolerance"]["batches"] == [1, 2, 5, 257]
        assert 0 <= graph["tolerance"]["max_abs"] <= graph["tolerance"]["bound"]
    assert written["graphs"]["disentangle"]["outputs"][1] == {
        "name": "hand",
        "dtype": "float32",
        "shape": ["batch", 4],
    }
    assert [t["name"] for t in written["graphs"]["score"]["inputs"]] == ["first", "second"]


def test_the_manifest_survives_reading(exported, written):
    assert json.loads(json.dumps(Manifest.from_json(written).to_json())) == written
    assert Manifest.from_json(written) == exported.report.manifest


def test_the_manifest_keeps_its_schema(written):
    schema = manifest_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(written, schema)
    assert Manifest.from_json(written).id == sha256(json_text(written).encode()).hexdigest()


def json_text(value):
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def test_the_samples_are_rows_of_the_live_model(exported):
    given, stored = (load_file(exported.folder / "samples" / f"{side}.safetensors") for side in ("in", "out"))
    assert {array.shape[0] for array in [*given.values(), *stored.values()]} == {8}
    assert np.array_equal(given["encode.image"], exported.images[:8].numpy())
    z = exported.model.backbone.encode(exported.images[:8]).detach().numpy()
    assert np.abs(stored["encode.latent"] - z).max() < 1e-6
    assert np.abs(given["score.first"] - given["score.second"]).max() > 0.01


def test_the_folder_is_an_artefact_and_tells_of_no_machine(exported):
    files = verify_folder(exported.folder, kind="bundle")["files"]
    assert {"README.md", "LICENSES", "manifest.json", "samples/in.safetensors"} <= files.keys()
    assert "CC0-1.0" in (exported.folder / "LICENSES").read_text()
    for name in files:
        assert b"/home/" not in (exported.folder / name).read_bytes()
    assert "`hand`" in (exported.folder / "README.md").read_text()


def test_weights_that_only_train_are_not_exported(exported):
    for path in exported.folder.rglob("*.onnx"):
        assert b"critic" not in path.read_bytes()


def test_given_images_are_used_over_and_over():
    from unbraid.core.interfaces import ImageSpec

    three = torch.arange(12, dtype=torch.uint8).reshape(3, 1, 2, 2)
    rows = image_rows(three, ImageSpec(1, 2, 2))
    assert rows.shape == (257, 1, 2, 2)
    assert torch.equal(rows[3:6] * 255, three.float())
    with pytest.raises(ImageError):
        image_rows(three[:0], ImageSpec(1, 2, 2))
    with pytest.raises(ImageError):
        image_rows(three, ImageSpec(1, 4, 4))


@pytest.mark.parametrize("settings", [{"opset": 17}, {"samples": 0}, {"samples": 258}])
def test_settings_out_of_range_are_refused_before_any_work(toys, tmp_path, settings):
    with pytest.raises(ConfigError):
        export_bundle(toys.make_model(), tmp_path / "bundle", **settings)
    assert list(tmp_path.iterdir()) == []


def toy_without(toys, **changes):
    """A head whose only graph is a cheap one."""

    class Plain(toys.ToyHead):
        factors = (Factor("all", (8,), "content"),)
        capabilities = frozenset()

        def graphs(self):
            return {"disentangle": Graph(toys.Cut(0, 8), {"latent": (8,)}, {"all": (8,)})} | changes

    return Plain()


def test_an_onnx_backbone_is_copied_verbatim_but_checked_and_measured(toys, exported, tmp_path):
    encode = (exported.folder / "models/encode/1/model.onnx").read_bytes()
    backbone = toys.make_backbone(capabilities=frozenset())
    backbone.encoder.load_state_dict(exported.model.backbone.encoder.state_dict())
    backbone.graph = lambda stage: encode
    report = export_bundle(toys.make_model(backbone, toy_without(toys)), tmp_path / "bundle")
    assert (report.path / "models/encode/1/model.onnx").read_bytes() == encode
    assert list(report.graphs) == ["encode", "disentangle"]
    assert report.manifest.capabilities == ()
    assert str(report).count("from torch") == 2
    with torch.no_grad():
        backbone.encoder.out.bias.add_(1e-3)
    with pytest.raises(ParityError, match="encode"):
        export_bundle(toys.make_model(backbone, toy_without(toys)), tmp_path / "other")
    backbone.graph = lambda stage: b"no file"
    with pytest.raises(ExportError, match="encode is no ONNX file"):
        export_bundle(toys.make_model(backbone, toy_without(toys)), tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize("name", ["../up", "Encode", "encode", "a" * 65, ""])
def test_graph_names_that_no_bundle_can_hold_are_refused(toys, tmp_path, name):
    head = toy_without(toys, **{name: Graph(toys.Cut(0, 8), {"latent": (8,)}, {"x": (8,)})})
    with pytest.raises(ExportError, match="a graph cannot be called"):
        export_bundle(toys.make_model(head=head), tmp_path / "bundle")


def test_somebody_elses_folder_is_not_overwritten(toys, tmp_path, monkeypatch):
    monkeypatch.setattr(toys.ToyHead, "graphs", lambda self: pytest.fail("too late: the export has begun"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ArtefactError):
        export_bundle(toys.make_model(), tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
