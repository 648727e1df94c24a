"""Smaller weights: what they save, what they cost, and that the bundle stays one."""

import json

import jsonschema
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from safetensors.numpy import load_file

import unbraid
from unbraid.core.bundle import manifest_schema
from unbraid.core.errors import ConfigError
from unbraid.core.export import Reduction, to_onnx
from unbraid.core.export.reducing import reduce_graphs
from unbraid.core.interfaces import Factor, Graph
from unbraid.core.serving.session import open_session

METRICS = {"few_shot": {"ways": 2}, "probes": {}}  # there are two test classes


@pytest.fixture(scope="module")
def digits():
    return unbraid.load_dataset("digits")


class Wide(torch.nn.Module):
    """A head that is large enough to gain from int8: 8 -> 256 -> 8."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 256), torch.nn.ReLU(), torch.nn.Linear(256, 8))

    def forward(self, latent):
        found = self.layers(latent)
        return found[:, :4], found[:, 4:]


@pytest.fixture(scope="module")
def model(toys, exported):
    class WideHead(toys.ToyHead):
        factors = (Factor("letter", (4,), "content", "content"), Factor("hand", (4,), "style"))
        capabilities = frozenset()

        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.wide = Wide().eval()

        def disentangle(self, z):
            return dict(zip(("letter", "hand"), self.wide(z), strict=True))

        def graphs(self):
            return {"disentangle": Graph(self.wide, {"latent": (8,)}, {"letter": (4,), "hand": (4,)})}

    return toys.make_model(exported.model.backbone, WideHead())


@pytest.fixture(scope="module")
def reduced(model, digits, tmp_path_factory):
    """Backbone in float16, head in int8."""
    reduction = Reduction(data=digits, half=True, int8=True, episodes=40, metrics=METRICS)
    path = tmp_path_factory.mktemp("reduced") / "bundle"
    return model.export(path, images=digits.images[:32], samples=4, reduction=reduction)


@pytest.fixture(scope="module")
def plain(model):
    """The head's file in float32."""
    return to_onnx("disentangle", model.head.graphs()["disentangle"])


def kinds(report, name):
    graph = onnx.load(report.path / report.graphs[name].file).graph
    return {tensor.data_type for tensor in graph.initializer}, {node.op_type for node in graph.node}


def test_weights_are_kept_as_was_asked(reduced, plain, exported):
    assert {n: g.precision for n, g in reduced.graphs.items()} == {
        "encode": "float16",
        "disentangle": "int8",
        "decode": "float16",
    }
    assert TensorProto.FLOAT16 in kinds(reduced, "encode")[0]
    weights, operators = kinds(reduced, "disentangle")
    assert TensorProto.INT8 in weights and {"DynamicQuantizeLinear", "MatMulInteger"} <= operators
    for name in ("encode", "decode"):
        assert reduced.graphs[name].bytes < exported.report.graphs[name].bytes
    assert reduced.graphs["disentangle"].bytes < 0.5 * len(plain)
    assert all(graph.precision == "float32" for graph in exported.report.graphs.values())
    assert exported.report.manifest.head().reduction is None


def test_the_bundle_stays_one(reduced, digits):
    bundle = unbraid.load_bundle(reduced.path)
    assert max(bundle.verify().values()) < 1e-3
    manifest = json.loads((reduced.path / "manifest.json").read_text())
    jsonschema.validate(manifest, manifest_schema())
    assert bundle.manifest == reduced.manifest
    stored = load_file(reduced.path / "samples/out.safetensors")["disentangle.letter"]
    assert stored.shape == (4, 4)


def test_numbers_are_near_those_in_torch_and_not_the_same(reduced, model, digits):
    x = digits.images[:64]
    found, expected = unbraid.load_bundle(reduced.path).disentangle(x), model.disentangle(x)
    for name, value in expected.items():
        gap = np.abs(found[name] - value.numpy()).max() / float(value.abs().max())
        assert 1e-5 < gap < 0.1, name


def test_the_cost_is_measured_before_and_after_and_printed(reduced, model, digits):
    """Before is what evaluating the torch model gives."""
    found = reduced.manifest.head().reduction
    assert (found.dataset, found.fingerprint, found.episodes) == (digits.name, digits.fingerprint, 40)
    names = {figure.name for figure in found.figures}
    assert any(name.startswith("few_shot/letter") for name in names)
    assert "leakage/hand/content" in names
    card = (reduced.path / "README.md").read_text()
    for figure in found.figures:
        assert f"| {figure.name} | {figure.before:.4f} | {figure.after:.4f} |" in card
        assert f"{figure.name}: {figure.before:.4f} -> {figure.after:.4f}" in str(reduced)
        assert abs(figure.before - figure.after) < 0.15
    assert any(figure.before != figure.after for figure in found.figures)


def test_before_is_what_the_model_in_torch_gives(reduced, model, digits, monkeypatch):
    monkeypatch.setattr(type(model), "random_head", lambda self, latents, seed: self.head)
    measured = model.evaluate(digits, metrics={"few_shot": {"ways": 2}}, episodes=40)
    values = {figure.name: figure.value for figure in measured.figures}
    before = {f.name: f.before for f in reduced.manifest.head().reduction.figures if f.name.startswith("few_shot")}
    assert before
    for name, value in before.items():
        assert value == pytest.approx(values[name], abs=0.01), name


def test_graphs_that_would_not_become_smaller_stay_as_they_are(toys, exported, digits):
    """The plain toy head holds 64 numbers: what int8 needs around them is more than it saves."""
    from unbraid.core.export.stages import stages_of

    stages = [stage for stage in stages_of({"default": exported.model}) if stage.name == "score"]
    files = {"score": (exported.folder / "models/score/1/model.onnx").read_bytes()}
    assert reduce_graphs(stages, files, Reduction(data=digits, int8=True)) == {}


def test_stale_shapes_would_stop_the_quantiser_and_are_gone(plain, digits, model):
    """onnxruntime cannot quantise a matrix whose old shape is written beside it."""
    from unbraid.core.export.stages import stages_of

    stages = [stage for stage in stages_of({"default": model}) if stage.name == "disentangle"]
    assert not onnx.load_from_string(plain).graph.value_info
    ((precision, smaller),) = reduce_graphs(stages, {"disentangle": plain}, Reduction(data=digits, int8=True)).values()
    model_file = onnx.load_from_string(smaller)
    assert precision == "int8" and not model_file.graph.value_info
    assert {opset.domain for opset in model_file.opset_import} <= {"", "ai.onnx"}
    open_session(smaller)


@pytest.mark.parametrize("settings", [{}, {"half": True, "episodes": 0}])
def test_settings_that_make_no_sense_are_refused(digits, settings):
    with pytest.raises(ConfigError):
        Reduction(data=digits, **settings)
