"""Bundles that were damaged, or made by somebody who means harm: one clear error each, before onnxruntime opens a file."""

import json
import os
import shutil
import zipfile
from hashlib import sha256

import jsonschema
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from unbraid.core.bundle import manifest_schema
from unbraid.core.errors import ArtefactError, DamagedArtefactError, FormatVersionError
from unbraid.core.serving import files, load_bundle

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


def test_too_many_files_and_folders_are_refused(folder, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILES", 5)
    assert "5 files" in str(refused(folder, "is refused"))
    monkeypatch.undo()
    (folder / "/".join("abcdefghij")).mkdir(parents=True)
    assert "8 folders" in str(refused(folder, "is refused"))


def test_names_that_differ_in_case_alone_are_refused(folder):
    (folder / "MANIFEST.json").write_text("{}")
    assert "case" in str(refused(folder, "is refused"))


@pytest.mark.parametrize("name", ["models/evil/1/model.py", "models/encode/2/model.onnx", "models/encode/1/model.py"])
def test_what_a_server_would_find_although_nobody_exported_it_is_refused(folder, name):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("import os")
    refused(folder, "belongs to no graph")


@pytest.mark.parametrize("name", ["encode", "factors"])
@pytest.mark.parametrize(
    "line", ['backend: "python"', 'parameters { key: "EXECUTION_ENV_PATH" value { string_value: "x" } }']
)
def test_a_configuration_that_says_something_else_is_refused(folder, name, line):
    path = folder / f"models/{name}/config.pbtxt"
    path.write_text(f"{path.read_text()}{line}\n")
    relist(folder)
    refused(folder, r"config\.pbtxt contradicts manifest\.json")


def slip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../slipped", "gotcha")


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", bytes(10**8))


@pytest.mark.parametrize("make", [slip, bomb])
def test_archives_are_refused_unopened(tmp_path, make):
    (tmp_path / "deep").mkdir()
    make(tmp_path / "deep" / "bundle.zip")
    assert "unpack" in refused(tmp_path / "deep" / "bundle.zip", "is no bundle", ArtefactError).hint
    assert [path.name for path in tmp_path.rglob("*")] == ["deep", "bundle.zip"]


@pytest.mark.parametrize("name", ["manifest.json", "CHECKSUMS.json"])
def test_a_key_that_comes_twice_is_refused(folder, name):
    text = (folder / name).read_text()
    (folder / name).write_text(f'{{"version": 1, "version": 1, {text.lstrip()[1:]}')
    if name == "manifest.json":
        relist(folder)
    refused(folder, "is no valid JSON")


@pytest.mark.parametrize("version", [0, -1, 2, 10**30])
def test_formats_nobody_wrote_are_refused(folder, version):
    edit(folder, lambda manifest: manifest.update(schema_version=version))
    refused(folder, "written by a newer|no such format", FormatVersionError)


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


def head(manifest):
    return manifest["heads"]["default"]


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
    "unknown role": (lambda m: head(m)["factors"][0].update(role="taste"), "'role' is malformed"),
    "factor missing": (lambda m: head(m)["factors"].pop(), "contradicts manifest.json"),
    "factors swapped": (lambda m: head(m)["factors"].reverse(), "contradicts manifest.json"),
    "a list": (lambda m: m.update(backbone=[]), "'backbone' is missing or of the wrong type"),
    "null": (lambda m: head(m).update(method=None), "'method' is missing"),
    "no head": (lambda m: m["heads"].clear(), "there is no head"),
    "head as a path": (lambda m: m["heads"].update({"../up": head(m)}), "head '.*' is malformed"),
    "head with a graph of another": (lambda m: head(m)["graphs"].update(entangle="decode"), "'default' is malformed"),
    "head with a graph nobody has": (lambda m: head(m)["graphs"].update(sing="sing"), "'default' is malformed"),
    "head that cannot": (lambda m: head(m)["graphs"].pop("disentangle"), "'default' is malformed"),
    "ensemble as a path": (lambda m: head(m).update(ensemble="../up"), "ensemble is malformed"),
    "ensemble over a graph": (lambda m: head(m).update(ensemble="encode"), "ensemble is malformed"),
    "ensemble that is not there": (lambda m: head(m).update(ensemble="others"), "is missing"),
    "no word of an ensemble": (lambda m: head(m).pop("ensemble"), "'ensemble' is missing"),
    "tensor as a path": (lambda m: m["graphs"]["encode"]["inputs"][0].update(name="../up"), "a name that is none"),
    "tensor with a quote": (lambda m: m["graphs"]["encode"]["inputs"][0].update(name='a" b: "'), "a name that is none"),
    "tensor renamed": (lambda m: m["graphs"]["vary"]["inputs"][1].update(name="moise"), "contradicts manifest.json"),
    "unknown precision": (lambda m: m["graphs"]["encode"].update(precision="int1"), "'precision' is malformed"),
    "capital name": (lambda m: m["graphs"].update(Encode=m["graphs"]["encode"]), "'Encode' is misplaced"),
    "long name": (lambda m: m["graphs"].update({"a" * 65: m["graphs"]["encode"]}), "is misplaced"),
}


# What no schema can say: how parts of a manifest must agree.
BEYOND_SCHEMA = {
    *("file of another graph", "another latent", "factor missing", "factors swapped", "tensor renamed"),
    *("head with a graph of another", "head with a graph nobody has", "ensemble over a graph"),
    *("ensemble that is not there", "fraction"),  # 8.0 is an integer to JSON Schema
}


@pytest.mark.parametrize("case", CHANGES)
def test_the_schema_sees_what_a_schema_can(exported, case):
    manifest = exported.report.manifest.to_json()
    CHANGES[case][0](manifest := json.loads(json.dumps(manifest)))
    errors = list(jsonschema.Draft202012Validator(manifest_schema()).iter_errors(manifest))
    assert bool(errors) is (case not in BEYOND_SCHEMA)


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


def external(**where):
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], b"0000", raw=True)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in where.items():
        tensor.external_data.add(key=key, value=str(value))
    return encoder(helper.make_node("Add", ["image", "w"], ["latent"]), initializer=[tensor])


def hidden_external():
    """Data in another file, in an attribute of a node of a nested graph."""
    model = onnx.load_from_string(external(location="secret"))
    (weight,) = model.graph.initializer
    inner = helper.make_graph([helper.make_node("Constant", [], ["c"], value=weight)], "inner", [], [])
    node = helper.make_node("Relu", ["image"], ["latent"])
    node.attribute.append(helper.make_attribute("body", inner))
    return encoder(node)


def forever():
    body = helper.make_graph([helper.make_node("Identity", ["c"], ["d"])], "body", [], [])
    return encoder(helper.make_node("Loop", ["", "go", "image"], ["latent"], body=body))


def shaped(image, latent=("batch", 8), kind=TensorProto.FLOAT):
    model = onnx.load_from_string(encoder(helper.make_node("Relu", ["image"], ["latent"])))
    del model.graph.input[:], model.graph.output[:]
    model.graph.input.append(helper.make_tensor_value_info("image", kind, image))
    model.graph.output.append(helper.make_tensor_value_info("latent", TensorProto.FLOAT, latent))
    return model.SerializeToString()


ELSEWHERE = "another file"
FREE = ("batch", 1, 8, 8)
HOSTILE = {
    "endless loop": (forever(), "Loop"),
    "random": (encoder(helper.make_node("RandomNormalLike", ["image"], ["latent"])), "RandomNormalLike"),
    "random scan": (encoder(helper.make_node("Scan", ["image"], ["latent"])), "Scan"),
    "branch": (encoder(helper.make_node("If", ["image"], ["latent"])), "If"),
    "foreign": (encoder(helper.make_node("Evil", ["image"], ["latent"], domain="evil")), "Evil"),
    "extra operator": (encoder(helper.make_node("Evil", ["image"], ["latent"])), "Evil"),
    "picture decoder": (encoder(helper.make_node("ImageDecoder", ["image"], ["latent"])), "ImageDecoder"),
    "fixed batch": (shaped((2, 1, 8, 8)), "static batch"),
    "fixed batch of the output": (shaped(FREE, (2, 8)), "static batch"),
    "another shape": (shaped(("batch", 1, 8, 9)), "wrong shape"),
    "double": (shaped(FREE, kind=TensorProto.DOUBLE), "wrong dtype"),
    "file above": (external(location="../../secret"), ELSEWHERE),
    "file above by a detour": (external(location="a/../../../secret"), ELSEWHERE),
    "absolute file": (external(location="/etc/passwd"), ELSEWHERE),
    "endless device": (external(location="/dev/zero"), ELSEWHERE),
    "sibling file": (external(location="model.onnx.data"), ELSEWHERE),
    "the samples": (external(location="../../../samples/in.safetensors"), ELSEWHERE),
    "offset past the end": (external(location="EMPTY", offset=10**15), ELSEWHERE),
    "length past the end": (external(location="EMPTY", length=10**15), ELSEWHERE),
    "negative offset": (external(location="EMPTY", offset=-1), ELSEWHERE),
    "size that does not fit": (external(location="EMPTY", length=3), ELSEWHERE),
    "no location": (external(), ELSEWHERE),
    "hidden in a nested graph": (hidden_external(), ELSEWHERE),
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
