"""Each rule of bundles against a file that breaks it, and a file that keeps them all."""

import onnx
import pytest
from onnx import TensorProto, helper

from unbraid.core.bundle.rules import file_violations, violations
from unbraid.core.errors import ExportError
from unbraid.core.export import check, strip
from unbraid.core.interfaces import Graph

SIDES = {"inputs": {"x": (4,)}, "outputs": {"y": (4,)}}


def tensor(name="x", shape=("batch", 4), kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def make(*nodes, inputs=None, outputs=None, opset=20, initializer=(), domains=(), **more):
    nodes = nodes or (helper.make_node("Relu", ["x"], ["y"], "relu"),)
    graph = helper.make_graph(nodes, "g", inputs or [tensor()], outputs or [tensor("y")], initializer=initializer)
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, **more)


def broken(model, **settings):
    return list(violations("toy", model, **{**SIDES, **settings}))


def subgraph():
    return helper.make_graph([helper.make_node("Relu", ["x"], ["inner"])], "branch", [], [tensor("inner")])


def branch():
    return helper.make_node("If", ["c"], ["y"], "branch", then_branch=subgraph(), else_branch=subgraph())


def test_a_good_file_breaks_none():
    assert broken(make(), opset=20) == []


def test_a_weight_that_is_also_an_input_is_no_input():
    weight = helper.make_tensor("w", TensorProto.FLOAT, [4], [1, 2, 3, 4])
    add = helper.make_node("Add", ["x", "w"], ["y"])
    assert broken(make(add, inputs=[tensor(), tensor("w", (4,))], initializer=[weight])) == []


CASES = {
    "random": (make(helper.make_node("RandomNormalLike", ["x"], ["y"], "noise")), "noise (RandomNormalLike)", "input"),
    "bernoulli": (make(helper.make_node("Bernoulli", ["x"], ["y"], "coin")), "coin (Bernoulli)", "input"),
    "branch": (make(branch()), "branch (If)", "where"),
    "nested": (
        make(
            helper.make_node(
                "SequenceMap",
                ["x"],
                ["y"],
                "map",
                body=helper.make_graph(
                    [helper.make_node("RandomUniform", [], ["inner"], "deep", shape=[1])], "b", [], []
                ),
            )
        ),
        "map (SequenceMap)",
        "unroll",
    ),
    "dropout": (make(helper.make_node("Dropout", ["x", "r", "t"], ["y"], "drop")), "drop (Dropout)", "eval"),
    "batch norm": (
        make(helper.make_node("BatchNormalization", ["x", *"abcd"], ["y"], "bn", training_mode=1)),
        "bn (BatchNormalization)",
        "eval",
    ),
    "foreign operator": (
        make(helper.make_node("Gelu", ["x"], ["y"], "gelu", domain="com.microsoft"), domains=["com.microsoft"]),
        "foreign operator set",
        "standard",
    ),
    "unknown operator": (make(helper.make_node("Evil", ["x"], ["y"], "evil")), "evil (Evil)", "standard"),
    "text": (make(helper.make_node("StringNormalizer", ["x"], ["y"], "text")), "text (StringNormalizer)", "numbers"),
    "picture": (make(helper.make_node("ImageDecoder", ["x"], ["y"], "png")), "png (ImageDecoder)", "numbers"),
    "list": (make(helper.make_node("SequenceEmpty", [], ["y"], "list")), "list (SequenceEmpty)", "numbers"),
    "opset too old": (make(opset=17), "wrong opset", "18..23"),
    "opset too new": (make(opset=24), "wrong opset", "18..23"),
    "static batch": (make(inputs=[tensor(shape=(2, 4))]), "input x has a static batch", "x.shape[0]"),
    "static output": (make(outputs=[tensor("y", (2, 4))]), "output y has a static batch", "x.shape[0]"),
    "no batch": (make(outputs=[tensor("y", ())]), "output y has a static batch", "x.shape[0]"),
    "dtype": (make(inputs=[tensor(kind=TensorProto.DOUBLE)]), "input x has the wrong dtype", "cast"),
    "shape": (make(outputs=[tensor("y", ("batch", 5))]), "output y has the wrong shape", "declare"),
    "open shape": (make(outputs=[tensor("y", ("batch", "n"))]), "output y has the wrong shape", "declare"),
    "unnamed output": (
        make(helper.make_node("Relu", ["x"], ["getitem_1"]), outputs=[tensor("getitem_1")]),
        "wrong outputs",
        "outputs of the module",
    ),
    "extra input": (make(inputs=[tensor(), tensor("z")]), "wrong inputs", "inputs of the module"),
    "doc string": (make(doc_string="exported from /home/somebody/model.py"), "local path", "strip"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_broken_rule_names_place_and_remedy(case):
    model, where, remedy = CASES[case]
    first = broken(model)[0]
    assert first.problem.startswith("graph toy: ")
    assert where in first.problem
    assert remedy in first.hint
    with pytest.raises(ExportError, match="graph toy"):
        check("toy", model, Graph(None, **SIDES))


def test_operators_in_nested_graphs_are_seen():
    problems = [violation.problem for violation in broken(CASES["nested"][0])]
    assert any("deep (RandomUniform)" in problem for problem in problems)


def test_dropout_that_is_switched_off_passes():
    off = helper.make_tensor("t", TensorProto.BOOL, [], [False])
    rate = helper.make_tensor("r", TensorProto.FLOAT, [], [0.5])
    assert broken(make(helper.make_node("Dropout", ["x", "r", "t"], ["y"]), initializer=[rate, off])) == []
    assert broken(make(helper.make_node("Dropout", ["x", "r"], ["y"]), initializer=[rate])) == []
    on = helper.make_tensor("t", TensorProto.BOOL, [], [True])
    assert broken(make(helper.make_node("Dropout", ["x", "r", "t"], ["y"]), initializer=[rate, on]))


def test_a_local_function_is_foreign():
    function = helper.make_function(
        "ours", "f", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], [helper.make_opsetid("", 20)]
    )
    model = make(helper.make_node("f", ["x"], ["y"], domain="ours"), functions=[function], domains=["ours"])
    assert "'ours'" in {violation.found for violation in broken(model)}


def test_operators_that_only_sound_like_lists_pass():
    assert broken(make(helper.make_node("ReverseSequence", ["x", "l"], ["y"]))) == []


def test_an_opset_other_than_asked_for_is_seen():
    assert broken(make(opset=18), opset=20)[0].found == "[18]"


@pytest.mark.parametrize("place", ["initialiser", "attribute", "training"])
def test_external_data_is_seen_wherever_it_is(place):
    weight = helper.make_tensor("w", TensorProto.FLOAT, [4], b"0" * 16, raw=True)
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="weights.bin")
    add = helper.make_node("Add", ["x", "w"], ["y"])
    constant = helper.make_node("Constant", [], ["w"], value=weight)
    model = make(constant, add) if place == "attribute" else make(add, initializer=[weight])
    if place == "training":
        model = make()
        model.training_info.add().algorithm.initializer.append(weight)
    assert "tensor w lies in another file" in broken(model)[0].problem


@pytest.mark.parametrize(
    "text",
    [
        'File "model.py", line 3, in forward',
        "/tmp/x",
        "C:\\Users\\me\\net",
        "pkg.torch.onnx.stack_trace",
        "see /root/net.onnx",
        "~/net",
    ],
)
def test_traces_of_the_machine_are_seen_everywhere_and_stripping_removes_them(text):
    places = {
        "node": lambda m: m.graph.node[0].metadata_props.add(key="a", value=text),
        "graph": lambda m: m.graph.metadata_props.add(key=text, value="a"),
        "input": lambda m: setattr(m.graph.input[0], "doc_string", text),
        "inner": lambda m: m.graph.value_info.append(helper.make_tensor_value_info(text, 1, None)),
    }
    for place, put in places.items():
        model = make()
        put(model)
        assert [v.problem for v in broken(model)] == ["graph toy: the file holds a local path or source line"], place
        assert broken(strip(model)) == [], place


def test_names_of_other_exporters_are_no_paths():
    node = helper.make_node("Relu", ["x"], ["y"], "/encoder/0/conv/Conv_output_0")
    assert broken(make(node)) == []


def test_stripping_keeps_what_computes():
    model = make(helper.make_node("Relu", ["x"], ["y"], doc_string="why"))
    model.graph.node[0].attribute.add(name="alpha", type=1, f=0.5, doc_string="half")
    strip(model)
    (node,) = model.graph.node
    assert (node.op_type, node.attribute[0].f, node.doc_string, node.attribute[0].doc_string) == ("Relu", 0.5, "", "")
    onnx.load_from_string(model.SerializeToString())


def test_bytes_that_are_no_file_are_a_violation():
    (found,) = file_violations("toy", b"\xff" * 40, **SIDES)
    assert "no ONNX file" in found.problem
