"""What an exporter gets silently wrong, each tried on a real export."""

import os
import sys
import warnings

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from onnxruntime.quantization import quantize_dynamic
from torch import nn
from torch.nn.utils.parametrizations import orthogonal

from unbraid.core.bundle.rules import violations
from unbraid.core.errors import ConfigError, ExportError
from unbraid.core.export import to_onnx
from unbraid.core.interfaces import Graph
from unbraid.core.serving.session import open_session


class Apply(nn.Module):
    """A module of one function."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def graph(module, inputs=None, outputs=None):
    return Graph(module, inputs or {"x": (4,)}, outputs or {"y": (4,)})


def draw(rows, seed=0):
    return torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed))


def run(data, x):
    return open_session(data).run(None, {"x": x.numpy()})[0]


def test_code_that_fixes_the_batch_is_an_error():
    fixed = Apply(lambda self, x: x + torch.zeros(2, 1))
    with pytest.raises(ExportError, match="graph toy cannot be exported") as caught:
        to_onnx("toy", graph(fixed))
    assert "x.shape[0]" in caught.value.hint


def test_a_batch_that_moved_elsewhere_is_an_error():
    moved = Apply(lambda self, x: x.reshape(4, -1))
    with pytest.raises(ExportError, match="output y has a static batch"):
        to_onnx("toy", graph(moved))


def test_the_exporters_own_way_is_silently_static_and_our_rules_see_it():
    """The reason for the two tests above: a `Dim` becomes the size of the example without a word."""
    fixed = Apply(lambda self, x: x + torch.zeros(2, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            fixed,
            (torch.zeros(2, 4),),
            input_names=["x"],
            output_names=["y"],
            dynamo=True,
            opset_version=20,
            verbose=False,
            dynamic_shapes=(({0: torch.export.Dim("batch")},),),
        )
    problems = [v.problem for v in violations("toy", program.model_proto, inputs={"x": (4,)}, outputs={"y": (4,)})]
    assert "graph toy: input x has a static batch" in problems
    assert "graph toy: the file holds a local path or source line" in problems


def test_training_mode_is_exported_as_evaluation_and_left_alone():
    module = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    torch.manual_seed(0)
    module(draw(64) + 3)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    data = to_onnx("toy", graph(module))
    assert all(part.training for part in module.modules())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    x = draw(5, 1)
    expected = module.eval()(x).detach().numpy()
    assert np.abs(run(data, x) - expected).max() < 1e-6
    assert np.abs(run(data, x) - run(data, x)).max() == 0


@pytest.mark.parametrize("opset", [13, 17, 24])
def test_an_opset_the_exporter_gets_wrong_is_refused(opset):
    with pytest.raises(ConfigError, match=r"18\.\.23"):
        to_onnx("toy", graph(nn.Identity()), opset=opset)


@pytest.mark.parametrize("opset", [18, 23])
def test_the_opset_is_the_one_asked_for(opset):
    data = to_onnx("toy", graph(Apply(lambda self, x: torch.cat(x.chunk(2, 1)[::-1], 1).relu())), opset=opset)
    assert [o.version for o in onnx.load_from_string(data).opset_import] == [opset]
    x = draw(3)
    assert np.array_equal(run(data, x), torch.cat([x[:, 2:], x[:, :2]], 1).relu().numpy())


def rsample(self, x):
    return torch.distributions.Normal(x, torch.ones_like(x), validate_args=False).rsample()


def generator(self, x):
    return x + torch.randn(4, generator=torch.Generator())


@pytest.mark.parametrize("function", [lambda self, x: x + torch.randn_like(x), rsample, generator])
def test_randomness_inside_is_an_error(function):
    with pytest.raises(ExportError) as caught:
        to_onnx("toy", graph(Apply(function)))
    assert "noise" in caught.value.hint


def test_noise_from_outside_is_an_input_like_any_other():
    noisy = Apply(lambda self, x, noise: x + 2 * noise)
    data = to_onnx("toy", graph(noisy, inputs={"x": (4,), "noise": (4,)}))
    found = open_session(data).run(None, {"x": draw(3).numpy(), "noise": draw(3, 1).numpy()})[0]
    assert np.array_equal(found, (draw(3) + 2 * draw(3, 1)).numpy())


def test_a_decomposition_inside_is_an_error():
    with pytest.raises(ExportError, match="cannot be exported") as caught:
        to_onnx("toy", graph(Apply(lambda self, x: x @ torch.linalg.qr(self.a.weight)[0], a=nn.Linear(4, 4))))
    assert "baked" in caught.value.hint


def test_an_orthogonal_weight_is_baked_and_the_live_module_keeps_it():
    module = orthogonal(nn.Linear(4, 4, bias=False))
    twin = type(module)
    data = to_onnx("toy", graph(module))
    assert "parametrizations.weight.original" in dict(module.named_parameters())
    assert type(module) is twin
    x = draw(6)
    expected = module(x).detach().numpy()
    assert np.abs(run(data, x) - expected).max() < 1e-6
    assert np.abs(np.linalg.norm(run(data, x), axis=1) - x.norm(dim=1).numpy()).max() < 1e-5
    module(x).sum().backward()
    assert module.parametrizations.weight.original.grad is not None


def old_weight_norm():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.utils.weight_norm(nn.Linear(4, 4))


@pytest.mark.parametrize("make", [old_weight_norm, lambda: nn.utils.spectral_norm(nn.Linear(4, 4))])
def test_norms_of_the_older_kind_are_baked_too_also_after_a_forward_pass(make):
    module = make()
    module(draw(8))  # leaves a weight with a gradient history, which deepcopy refuses
    data = to_onnx("toy", graph(module))
    assert len(module._forward_pre_hooks) == 1
    assert [node.op_type for node in onnx.load_from_string(data).graph.node] == ["Gemm"]
    assert np.abs(run(data, draw(3)) - module.eval()(draw(3)).detach().numpy()).max() < 1e-6


def test_a_branch_on_data_is_an_error_that_says_what_to_write():
    with pytest.raises(ExportError) as caught:
        to_onnx("toy", graph(Apply(lambda self, x: x if x.sum() > 0 else -x)))
    assert "torch.where" in caught.value.hint


def test_nothing_in_the_file_tells_of_this_machine():
    data = to_onnx("toy", graph(nn.Sequential(nn.Linear(4, 4), nn.GELU())))
    for trace in (os.getcwd(), sys.prefix, os.path.expanduser("~"), "stack_trace", ".py", "unbraid"):
        assert trace.encode() not in data


def test_the_file_can_be_quantised(tmp_path):
    module = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 4))
    path, small = tmp_path / "model.onnx", tmp_path / "small.onnx"
    path.write_bytes(to_onnx("toy", graph(module)))
    quantize_dynamic(path, small)
    kinds = {tensor.data_type for tensor in onnx.load(small).graph.initializer}
    assert TensorProto.INT8 in kinds or TensorProto.UINT8 in kinds
    expected = module(draw(32)).detach().numpy()
    assert np.abs(run(small.read_bytes(), draw(32)) - expected).max() < 0.1 * np.abs(expected).max()


def test_an_output_that_is_not_declared_is_an_error():
    with pytest.raises(ExportError, match="graph toy: wrong outputs"):
        to_onnx("toy", graph(Apply(lambda self, x: (x + 1, x + 2))))


def test_many_weights_stay_in_one_file():
    data = to_onnx("toy", graph(nn.Linear(4, 4096), outputs={"y": (4096,)}))
    model = onnx.load_from_string(data)
    assert len(data) > 4 * 4 * 4096
    assert not any(tensor.external_data for tensor in model.graph.initializer)


def test_equal_modules_give_equal_bytes():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Linear(8, 4))
    assert to_onnx("toy", graph(module)) == to_onnx("toy", graph(module))


def test_what_cannot_be_copied_is_an_error():
    import threading

    module = nn.Linear(4, 4)
    module.lock = threading.Lock()
    with pytest.raises(ExportError, match="cannot be copied"):
        to_onnx("toy", graph(module))
