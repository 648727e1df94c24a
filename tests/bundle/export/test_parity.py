"""Files against torch, measured here by other means than export's own."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from unbraid.core.bundle import graph_file
from unbraid.core.errors import ParityError
from unbraid.core.export.parity import measure
from unbraid.core.export.rows import Rows, image_rows, rows_of
from unbraid.core.export.stages import Stage, stages_of
from unbraid.core.interfaces import Graph

GRAPHS = ("encode", "disentangle", "entangle", "score", "classify", "vary", "decode")


def session(exported, name):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(exported.folder / graph_file(name)), options, providers=["CPUExecutionProvider"])


def cases(exported, rows):
    """Inputs and what the live model gives for them."""
    model, images = exported.model, exported.images[:rows]
    head = model.head.eval()
    noise = torch.randn(rows, 4, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        z = model.backbone.encode(images)
        factors = head.disentangle(z)
        letters = (factors["letter"], factors["letter"].flip(0))
        return {
            "encode": ({"image": images}, {"latent": z}),
            "disentangle": ({"latent": z}, factors),
            "entangle": (factors, {"latent": head.entangle(factors)}),
            "score": (dict(zip(("first", "second"), letters, strict=True)), {"score": head.score(*letters)}),
            "classify": ({"latent": z}, {"logits": head.classify(z)}),
            "vary": ({"latent": z, "noise": noise}, {"varied": factors["hand"] + noise}),
            "decode": ({"latent": z}, {"image": model.backbone.decode(z)}),
        }


@pytest.mark.parametrize("name", GRAPHS)
def test_every_graph_gives_what_the_live_model_gives_at_any_batch(exported, name):
    assert set(exported.report.graphs) == set(GRAPHS)
    opened = session(exported, name)
    for rows in (1, 2, 3, 5, 257):
        inputs, expected = cases(exported, rows)[name]
        found = opened.run(list(expected), {key: value.numpy() for key, value in inputs.items()})
        for (output, value), array in zip(expected.items(), found, strict=True):
            assert array.dtype == np.float32
            assert array.shape == tuple(value.shape)
            gap = np.abs(array - value.numpy()).max()
            assert gap <= 1e-5 * max(1.0, float(value.abs().max())), f"{output} at batch {rows}"


@pytest.mark.parametrize("name", GRAPHS)
def test_every_first_dimension_is_symbolic_and_has_one_name(exported, name):
    graph = onnx.load(exported.folder / graph_file(name)).graph
    dims = {value.type.tensor_type.shape.dim[0].dim_param for value in [*graph.input, *graph.output]}
    assert dims == {"batch"}


def test_the_noise_row_differs_from_the_clean_one(exported):
    """The parity of `vary` would mean little if its noise went nowhere."""
    inputs, expected = cases(exported, 5)["vary"]
    quiet = session(exported, "vary").run(None, {"latent": inputs["latent"].numpy(), "noise": np.zeros((5, 4), "f4")})
    assert np.abs(quiet[0] - expected["varied"].numpy()).max() > 0.1


def test_rotating_there_and_back_is_the_identity(exported):
    """A closed form: the toy cuts a rotated latent, so entangling must undo disentangling."""
    z = torch.randn(257, 8, generator=torch.Generator().manual_seed(2)).numpy()
    names = ["letter", "hand", "remainder"]
    factors = session(exported, "disentangle").run(names, {"latent": z})
    back = session(exported, "entangle").run(None, dict(zip(names, factors, strict=True)))[0]
    assert np.abs(back - z).max() < 1e-5


def scaled(gain):
    """The file of `y = gain * x`."""
    helper = onnx.helper
    value = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 3]) for name in "xy"]
    weight = helper.make_tensor("w", onnx.TensorProto.FLOAT, [], [gain])
    graph = helper.make_graph([helper.make_node("Mul", ["x", "w"], ["y"])], "g", value[:1], value[1:], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString()


def stage(function):
    return Stage("toy", Graph(torch.nn.Identity(), {"x": (3,)}, {"y": (3,)}), lambda x: (function(x),))


def rows_for(toy, scale=1.0):
    x = scale * torch.linspace(-1, 1, 257 * 3).reshape(257, 3)
    return Rows((x,), toy.reference(x))


def test_the_figure_is_the_largest_difference_and_its_bound():
    toy = stage(lambda x: x + 3e-6 * (x == 1))
    figure = measure(toy, scaled(1.0), rows_for(toy))
    assert figure.max_abs == pytest.approx(3e-6, rel=0.05)
    assert figure.bound == pytest.approx(1e-5, rel=1e-4)
    assert figure.batches == (1, 2, 5, 257)


def test_the_bound_grows_with_the_output_and_not_below_one():
    toy = stage(lambda x: 2 * x)
    assert measure(toy, scaled(2.0), rows_for(toy, 50)).bound <= 1e-5 * 100
    off = stage(lambda x: x * (1 + 9e-6))
    measure(off, scaled(1.0), rows_for(off, 50))
    with pytest.raises(ParityError):
        measure(stage(lambda x: x + 2e-5), scaled(1.0), rows_for(stage(lambda x: x + 2e-5), 0.1))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * 1.001,
        lambda x: x + 0 / (x != 1),  # NaN in one number of the last row
        lambda x: x + 1e-3 * (len(x) == 257),
        lambda x: x + 1e-3 * (len(x) == 1),
        lambda x: x[:, :2],
    ],
)
def test_a_graph_that_differs_anywhere_is_refused(function):
    toy = stage(function)
    with pytest.raises(ParityError, match="graph toy: output y"):
        measure(toy, scaled(1.0), rows_for(toy))


def test_large_images_are_compared_in_small_batches(toys, monkeypatch):
    """A batch of 257 photographs would fill the memory: what is measured is what the manifest says was measured."""
    monkeypatch.setattr("unbraid.core.export.rows.MOST_NUMBERS", 256)
    model = toys.make_model()
    images = image_rows(None, model.backbone.info.input)
    assert len(images) == 8
    stage = stages_of({"default": model})[0]
    figure = measure(stage, stage.onnx_bytes(20), rows_of([stage], {}, images)["encode"])
    assert figure.batches == (1, 2, 5)
