"""Bundles that were damaged, or made by somebody who means harm: one clear error each, before onnxruntime opens a file."""

import json
import os
import shutil
from hashlib import sha256

import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from unbraid.core.errors import ArtefactError, DamagedArtefactError, FormatVersionError
from unbraid.core.serving import load_bundle

ENCODE = "models/encode/1/model.onnx"
DECODE = "models/decode/1/model.onnx"


@pytest.fixture
def folder(exported, tmp_path):
    return shutil.copytree(exported.folder, tmp_path / "bundle")


@pytest.fixture(autouse=True)
def onnxruntime_opens_nothing(monkeypatch, request):
    if request.node.get_closest_marker("usefixtures") is None:
        monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *_, **__: pytest.fail("onnxruntime opened a file"))


def put(folder, name, data):
    """Write a file and fix both manifests, as somebody who means harm would."""
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    for graph in manifest["graphs"].values():
        if graph["file"] == name:
            graph |= {"sha256": sha256(data).hexdigest(), "bytes": len(data)}
    describe(folder, manifest)


def describe(folder, manifest):
    (folder / "manifest.json").write_text(json.dumps(manifest))
    relist(folder)


def relist(folder):
    listed = json.loads((folder / "CHECKSUMS.json").read_text())
    for name in listed["files"]:
        data = (folder / name).read_bytes()
        listed["files"][name] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
    (folder / "CHECKSUMS.json").write_text(json.dumps(listed))


def edit(folder, change):
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    describe(folder, manifest)


def refused(folder, match, kind=DamagedArtefactError, **settings):
    with pytest.raises(kind, match=match) as caught:
        load_bundle(folder, **settings)
    return caught.value


@pytest.mark.usefixtures("exported")
def test_an_untouched_copy_loads(folder):
    load_bundle(folder).verify()


def test_relisting_alone_changes_nothing(folder):
    """What the tests below rely on: their own writing of manifests is not what is refused."""
    edit(folder, lambda manifest: None)
    load_bundle(folder)


@pytest.mark.parametrize("position", [0, 0.5, 0.999])
def test_a_flipped_bit_is_seen(folder, position):
    data = bytearray((folder / ENCODE).read_bytes())
    data[int(position * len(data))] ^= 1
    (folder / ENCODE).write_bytes(data)
    refused(folder, r"encode/1/model\.onnx is altered")


def test_a_flipped_bit_in_the_manifest_is_seen(folder):
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"style"', '"stylf"'))
    refused(folder, r"manifest\.json is altered")


def test_swapped_graphs_are_seen(folder):
    one, two = (folder / name for name in (ENCODE, DECODE))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    refused(folder, r"model\.onnx is (truncated|longer)")
    relist(folder)
    refused(folder, "is not the one in manifest.json")
    two.write_bytes(second)
    put(folder, ENCODE, second)
    refused(folder, "graph encode: wrong inputs")


@pytest.mark.parametrize("name", [ENCODE, "manifest.json", "samples/in.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    refused(folder, f"{name.replace('.', chr(92) + '.')} is missing")


def test_an_unfinished_folder_is_named(folder):
    (folder / "CHECKSUMS.json").unlink()
    refused(folder, "is no complete artefact")


@pytest.mark.parametrize("name", ["CHECKSUMS.json", "manifest.json"])
def test_a_truncated_manifest_is_named(folder, name):
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
    refused(folder, name)


def test_a_symbolic_link_is_refused(folder, tmp_path):
    shutil.move(folder / ENCODE, tmp_path / "elsewhere.onnx")
    (folder / ENCODE).symlink_to(tmp_path / "elsewhere.onnx")
    assert "link" in str(refused(folder, "is refused"))


def test_a_linked_folder_is_refused(folder, tmp_path):
    shutil.move(folder / "models", tmp_path / "models")
    (folder / "models").symlink_to(tmp_path / "models")
    assert "link" in str(refused(folder, "is refused"))


def test_a_hard_link_is_refused(folder, tmp_path):
    os.link(folder / ENCODE, tmp_path / "second-name.onnx")
    assert "hard link" in str(refused(folder, "is refused"))


def test_a_device_is_refused_and_not_read(folder):
    (folder / ENCODE).unlink()
    os.mkfifo(folder / ENCODE)
    refused(folder, "is refused")


def test_files_that_are_too_large_are_refused(folder):
    refused(folder, "is refused", max_bytes=1000)
    with open(folder / "manifest.json", "ab") as file:
        file.truncate(2**23)
    refused(folder, "is refused")


def test_newer_formats_say_to_upgrade(folder):
    edit(folder, lambda manifest: manifest.update(schema_version=2))
    assert "upgrade" in refused(folder, "newer version", FormatVersionError).hint
    listed = json.loads((folder / "CHECKSUMS.json").read_text())
    (folder / "CHECKSUMS.json").write_text(json.dumps(listed | {"version": 99}))
    refused(folder, "newer version", FormatVersionError)


def test_a_head_is_no_bundle(folder, tmp_path):
    listed = json.loads((folder / "CHECKSUMS.json").read_text())
    (folder / "CHECKSUMS.json").write_text(json.dumps(listed | {"kind": "head"}))
    refused(folder, "is no bundle", ArtefactError)
    refused(tmp_path / "nothing", "there is no folder", ArtefactError)


CHANGES = {
    "no version": (lambda m: m.pop("schema_version"), "'schema_version' is missing"),
    "version of another type": (
        lambda m: m.update(schema_version=True),
        "'schema_version' is missing or of the wrong type",
    ),
    "no graphs": (lambda m: m.pop("graphs"), "'graphs' is missing"),
    "graphs as a list": (lambda m: m.update(graphs=[]), "'graphs' is missing or of the wrong type"),
    "no encode": (lambda m: m["graphs"].pop("encode"), "bundle is incomplete"),
    "file outside": (lambda m: m["graphs"]["encode"].update(file="../../etc/passwd"), "'encode' is misplaced"),
    "file of another graph": (lambda m: m["graphs"]["encode"].update(file=DECODE), "'encode' is misplaced"),
    "name as a path": (lambda m: m["graphs"].update({"../encode": m["graphs"]["encode"]}), "'../encode' is misplaced"),
    "negative size": (lambda m: m["graphs"]["encode"].update(bytes=-1), "size is malformed"),
    "size as text": (lambda m: m["graphs"]["encode"].update(bytes="5"), "'bytes' is missing or of the wrong type"),
    "static batch": (lambda m: m["graphs"]["encode"]["inputs"][0].update(shape=[2, 1, 8, 8]), "tensor is malformed"),
    "double": (lambda m: m["graphs"]["encode"]["inputs"][0].update(dtype="float64"), "tensor is malformed"),
    "zero width": (lambda m: m["latent"].update(shape=["batch", 0]), "size is malformed"),
    "fraction": (lambda m: m["latent"].update(shape=["batch", 8.0]), "size is malformed"),
    "another latent": (lambda m: m["latent"].update(shape=["batch", 9]), "contradicts manifest.json"),
    "unknown role": (lambda m: m["factors"][0].update(role="taste"), "factor is malformed"),
    "factor missing": (lambda m: m["factors"].pop(), "contradicts manifest.json"),
    "factors swapped": (lambda m: m["factors"].reverse(), "contradicts manifest.json"),
    "a list": (lambda m: m.update(backbone=[]), "'backbone' is missing or of the wrong type"),
    "null": (lambda m: m.update(method=None), "'method' is missing"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_manifest_that_makes_no_sense_is_refused(folder, case):
    change, message = CHANGES[case]
    edit(folder, change)
    refused(folder, message)


@pytest.mark.parametrize("text", ["[]", "null", "{}", "[" * 100_000, '{"schema_version": NaN}', "\ud800", ""])
def test_json_that_is_no_manifest_is_refused(folder, text):
    (folder / "manifest.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    relist(folder)
    refused(folder, "bundle manifest: 'schema_version'|is no valid JSON")


def encoder(*nodes, initializer=()):
    """A file with the interface of the toy's encoder."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])
    latent = helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["batch", 8])
    graph = helper.make_graph(nodes, "g", [image], [latent], initializer=initializer)
    opsets = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def external(key, value):
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], b"0000", raw=True)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key=key, value=value)
    return encoder(helper.make_node("Add", ["image", "w"], ["latent"]), initializer=[tensor])


def forever():
    body = helper.make_graph([helper.make_node("Identity", ["c"], ["d"])], "body", [], [])
    return encoder(helper.make_node("Loop", ["", "go", "image"], ["latent"], body=body))


HOSTILE = {
    "endless loop": (forever(), "Loop"),
    "random": (encoder(helper.make_node("RandomNormalLike", ["image"], ["latent"])), "RandomNormalLike"),
    "foreign": (encoder(helper.make_node("Evil", ["image"], ["latent"], domain="evil")), "Evil"),
    "secret file": (external("location", "../../secret"), "another file"),
    "absolute file": (external("location", "/etc/passwd"), "another file"),
    "sibling file": (external("location", "model.onnx.data"), "another file"),
    "junk": (b"\xff" * 100, "no ONNX file"),
    "nothing": (b"", "malformed"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_graph_that_breaks_a_rule_is_refused_although_every_hash_is_right(folder, case):
    data, message = HOSTILE[case]
    put(folder, ENCODE, data)
    refused(folder, message)


@pytest.mark.usefixtures("exported")
def test_what_changes_after_loading_is_seen_when_it_is_opened(folder):
    bundle = load_bundle(folder)
    shutil.copy(folder / DECODE, folder / ENCODE)
    with pytest.raises(DamagedArtefactError, match="is altered"):
        bundle.open()


@pytest.mark.usefixtures("exported")
def test_a_file_that_only_onnxruntime_refuses_is_an_error_of_ours(folder):
    put(folder, ENCODE, encoder(helper.make_node("Relu", ["nowhere"], ["latent"])))
    with pytest.raises(DamagedArtefactError, match="onnxruntime cannot open"):
        load_bundle(folder).open()
    assert onnx.load(folder / ENCODE).graph.node[0].op_type == "Relu"
