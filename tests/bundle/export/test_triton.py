"""Triton's configuration, read by the parser Triton itself uses."""

import onnx
import pytest

from unbraid.core.bundle import triton_files

model_config = pytest.importorskip(
    "tritonclient.grpc.model_config_pb2", reason="tritonclient[grpc] is not installed", exc_type=ImportError
)
text_format = pytest.importorskip("google.protobuf.text_format")


@pytest.fixture(scope="module")
def configs(exported):
    """Folder of the model -> what its configuration says."""
    return {
        path.parent.name: text_format.Parse(path.read_text(), model_config.ModelConfig())
        for path in (exported.folder / "models").glob("*/config.pbtxt")
    }


def tensors(found):
    return {tensor.name: (model_config.DataType.Name(tensor.data_type), [*tensor.dims]) for tensor in found}


def test_every_graph_and_the_ensemble_have_one(exported, configs):
    assert configs.keys() == {*exported.report.graphs, "factors"}
    assert {name: config.name for name, config in configs.items()} == {name: name for name in configs}


def test_it_says_what_the_file_takes_and_gives(exported, configs):
    for name in exported.report.graphs:
        graph = onnx.load(exported.folder / "models" / name / "1" / "model.onnx").graph
        weights = {tensor.name for tensor in graph.initializer}
        config = configs[name]
        assert (config.backend, config.default_model_filename, config.max_batch_size) == (
            "onnxruntime",
            "model.onnx",
            256,
        )
        assert not config.instance_group
        assert config.dynamic_batching.max_queue_delay_microseconds == 500
        for side, values in ((config.input, graph.input), (config.output, graph.output)):
            dims = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim[1:]] for v in values}
            stated = {t.name: [] if t.HasField("reshape") else [*t.dims] for t in side}
            assert stated == {key: value for key, value in dims.items() if key not in weights}
            assert {kind for kind, _ in tensors(side).values()} == {"TYPE_FP32"}


def test_a_number_a_row_is_reshaped(configs):
    """Triton knows no tensor without a dimension beside the batch."""
    (score,) = configs["score"].output
    assert [*score.dims] == [1] and score.HasField("reshape") and not score.reshape.shape


def test_the_ensemble_leads_from_images_to_factors(exported, configs):
    config = configs["factors"]
    assert config.platform == "ensemble" and not config.backend
    assert tensors(config.input) == tensors(configs["encode"].input)
    assert tensors(config.output) == tensors(configs["disentangle"].output)
    known = {tensor.name for tensor in config.input}
    for step in config.ensemble_scheduling.step:
        own = configs[step.model_name]
        assert {*step.input_map} == {tensor.name for tensor in own.input}
        assert {*step.output_map} == {tensor.name for tensor in own.output}
        assert {*step.input_map.values()} <= known
        known |= {*step.output_map.values()}
    assert {tensor.name for tensor in config.output} <= known
    assert (exported.folder / "models/factors/1").is_dir() and any((exported.folder / "models/factors/1").iterdir())


def test_a_misspelt_field_would_be_seen(exported):
    text = triton_files(exported.report.manifest)["models/encode/config.pbtxt"]
    with pytest.raises(text_format.ParseError):
        text_format.Parse(text.replace("max_batch_size", "max_batchsize"), model_config.ModelConfig())


def test_no_ensemble_where_disentangling_needs_noise(toys):
    from unbraid.core.export.description import describe
    from unbraid.core.export.stages import stages_of
    from unbraid.core.interfaces import Graph

    class NeedsNoise(toys.ToyHead):
        def graphs(self):
            found = super().graphs()
            plain = found["disentangle"]
            inputs = {**plain.inputs, "noise": (4,)}
            return {"disentangle": Graph(plain.module, inputs, plain.outputs)}

    models = {"default": toys.make_model(head=NeedsNoise())}
    assert describe(models, stages_of(models), {}, 20).heads["default"].ensemble is None
