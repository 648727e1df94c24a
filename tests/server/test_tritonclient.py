"""The standard client of the protocol, against onnxruntime in this process."""

import numpy as np
import onnxruntime as ort
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub
from tritonclient.utils import InferenceServerException

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def both(letters, serve):
    served = serve(str(letters), "--grpc-port", "0", "--limit", "body_bytes=1000000")
    yield served
    assert served.stop() == 0
    assert served.events("failure") == []


@pytest.fixture(scope="module")
def over_http(both):
    client = triton_http.InferenceServerClient(f"127.0.0.1:{both.port}")
    yield client
    client.close()


@pytest.fixture(scope="module")
def over_grpc(both):
    client = triton_grpc.InferenceServerClient(both.listening["grpc"])
    yield client
    client.close()


@pytest.fixture(scope="module")
def raw(letters):
    """What onnxruntime gives for a graph, on its own."""

    def run(graph, inputs):
        session = ort.InferenceSession(letters / "models" / graph / "1" / "model.onnx")
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs), strict=True))

    return run


def filled(kind, given, **how):
    inputs = []
    for name, array in given.items():
        tensor = kind.InferInput(name, array.shape, "INT64" if array.dtype.kind == "i" else "FP32")
        tensor.set_data_from_numpy(array, **how)
        inputs.append(tensor)
    return inputs


def same(answer, expected):
    for name, value in expected.items():
        assert np.array_equal(answer.as_numpy(name), value), name


def test_health_and_metadata(over_http, over_grpc):
    for client in (over_http, over_grpc):
        assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("encode")
        assert client.is_model_ready("encode", "1") and not client.is_model_ready("encode", "2")
    as_json = over_http.get_model_metadata("disentangle")
    assert as_json == over_grpc.get_model_metadata("disentangle", as_json=True) | {
        side: [t | {"shape": [int(size) for size in t["shape"]]} for t in as_json[side]]
        for side in ("inputs", "outputs")
    }
    assert over_http.get_server_metadata()["name"] == over_grpc.get_server_metadata().name == "unbraid"
    listed = [model.name for model in over_grpc.get_model_repository_index().models]
    assert listed == [model["name"] for model in over_http.get_model_repository_index()]


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_http_gives_the_numbers_of_onnxruntime(over_http, raw, images, latents, binary_in, binary_out):
    for graph, given in (("encode", {"image": images}), ("disentangle", {"latent": latents})):
        expected = raw(graph, given)
        inputs = filled(triton_http, given, binary_data=binary_in)
        outputs = [triton_http.InferRequestedOutput(name, binary_data=binary_out) for name in expected]
        same(over_http.infer(graph, inputs, outputs=outputs, request_id="7"), expected)
    same(over_http.infer(graph, inputs), expected)
    same(over_http.infer(graph, inputs, model_version="1"), expected)


def test_grpc_gives_the_numbers_of_onnxruntime(over_grpc, raw, images, latents):
    for graph, given in (("encode", {"image": images}), ("disentangle", {"latent": latents})):
        expected = raw(graph, given)
        answer = over_grpc.infer(graph, filled(triton_grpc, given), request_id="7")
        same(answer, expected)
        assert answer.get_response().id == "7"
    one = over_grpc.infer("disentangle", filled(triton_grpc, given), outputs=[triton_grpc.InferRequestedOutput("hand")])
    same(one, {"hand": expected["hand"]})
    assert one.as_numpy("letter") is None


def test_verbs_over_both(over_http, over_grpc, bundle, images):
    given = {"first": images, "second": images[::-1].copy()}
    expected = bundle.interpolate(given["first"], given["second"], 3)
    for client, kind in ((over_http, triton_http), (over_grpc, triton_grpc)):
        found = client.infer("interpolate", filled(kind, given), parameters={"steps": 3}).as_numpy("image")
        assert np.abs(found - expected).max() <= 1e-5
    support = {"support": images, "support_label": np.array([5, -1, 7]), "query": images}
    labels = [
        client.infer("few_shot", filled(kind, support)).as_numpy("label").tolist()
        for client, kind in ((over_http, triton_http), (over_grpc, triton_grpc))
    ]
    assert labels == [[5, -1, 7]] * 2


def tensor(**changes):
    given = {"name": "latent", "datatype": "FP32", "shape": [1, 8]}
    return pb.ModelInferRequest.InferInputTensor(**(given | changes))


GOOD = np.full(8, 0.5, "<f4").tobytes()
CONTENTS = pb.InferTensorContents(fp32_contents=[0.5] * 8)
CASES = {
    "no inputs": {},
    "no data": {"inputs": [tensor()]},
    "short": {"inputs": [tensor()], "raw_input_contents": [GOOD[:-1]]},
    "long": {"inputs": [tensor()], "raw_input_contents": [GOOD + b"x"]},
    "too many parts": {"inputs": [tensor()], "raw_input_contents": [GOOD, GOOD]},
    "twice": {"inputs": [tensor(), tensor()], "raw_input_contents": [GOOD, GOOD]},
    "unknown": {"inputs": [tensor(name="x")], "raw_input_contents": [GOOD]},
    "FP64": {"inputs": [tensor(datatype="FP64")], "raw_input_contents": [GOOD]},
    "BYTES": {"inputs": [tensor(datatype="BYTES")], "raw_input_contents": [GOOD]},
    "negative": {"inputs": [tensor(shape=[-1, 8])], "raw_input_contents": [GOOD]},
    "no rows": {"inputs": [tensor(shape=[0, 8])], "raw_input_contents": [b""]},
    "rank": {"inputs": [tensor(shape=[8])], "raw_input_contents": [GOOD]},
    "overflow": {"inputs": [tensor(shape=[2**62, 8])], "raw_input_contents": [GOOD]},
    "10^12 rows": {"inputs": [tensor(shape=[10**12, 8])], "raw_input_contents": [GOOD]},
    "NaN": {"inputs": [tensor()], "raw_input_contents": [np.full(8, np.nan, "<f4").tobytes()]},
    "infinity": {"inputs": [tensor(contents=pb.InferTensorContents(fp32_contents=[float("inf")] * 8))]},
    "contents of another kind": {"inputs": [tensor(contents=pb.InferTensorContents(int_contents=[1] * 8))]},
    "contents of two kinds": {
        "inputs": [tensor(contents=pb.InferTensorContents(fp32_contents=[0.5] * 8, int_contents=[1]))]
    },
    "short contents": {"inputs": [tensor(contents=pb.InferTensorContents(fp32_contents=[0.5] * 7))]},
    "contents and bytes": {"inputs": [tensor(contents=CONTENTS)], "raw_input_contents": [GOOD]},
    "output unknown": {"inputs": [tensor()], "raw_input_contents": [GOOD], "outputs": [{"name": "x"}]},
    "output twice": {"inputs": [tensor()], "raw_input_contents": [GOOD], "outputs": [{"name": "hand"}] * 2},
    "id": {"inputs": [tensor()], "raw_input_contents": [GOOD], "id": "a\r\nb"},
    "long id": {"inputs": [tensor()], "raw_input_contents": [GOOD], "id": "x" * 1000},
    "shared memory": {
        "inputs": [tensor(parameters={"shared_memory_region": pb.InferParameter(string_param="x")})],
        "raw_input_contents": [GOOD],
    },
    "parameter of nothing": {
        "inputs": [tensor()],
        "raw_input_contents": [GOOD],
        "parameters": {"x": pb.InferParameter()},
    },
    "version": {"inputs": [tensor()], "raw_input_contents": [GOOD], "model_version": "2"},
    "model": {"inputs": [tensor()], "raw_input_contents": [GOOD], "model_name": "../encode"},
}


@pytest.fixture(scope="module")
def stub(over_grpc):
    return GRPCInferenceServiceStub(over_grpc._channel)


@pytest.mark.parametrize("name", CASES)
def test_hostile_messages_are_refused(stub, name):
    import grpc

    message = pb.ModelInferRequest(**({"model_name": "disentangle"} | CASES[name]))
    with pytest.raises(grpc.RpcError) as refused:
        stub.ModelInfer(message, timeout=10)
    codes = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert refused.value.code() in codes
    assert len(refused.value.details()) < 200 and "Traceback" not in refused.value.details()


def test_typed_contents_are_taken(stub, bundle):
    message = pb.ModelInferRequest(model_name="disentangle", inputs=[tensor(contents=CONTENTS)])
    found = np.frombuffer(stub.ModelInfer(message, timeout=10).raw_output_contents[0], "<f4")
    expected = bundle.run("disentangle", {"latent": np.full((1, 8), 0.5, np.float32)})
    assert np.array_equal(found, next(iter(expected.values())).ravel())


def test_messages_that_are_too_large_are_refused(over_grpc):
    with pytest.raises(InferenceServerException, match="RESOURCE_EXHAUSTED"):
        over_grpc.infer("disentangle", filled(triton_grpc, {"latent": np.zeros((40_000, 8), np.float32)}))
    assert over_grpc.is_server_live()


def test_nothing_can_be_loaded_or_unloaded(over_http, over_grpc):
    for client in (over_http, over_grpc):
        for call in (client.load_model, client.unload_model):
            with pytest.raises(InferenceServerException):
                call("encode")
    assert over_grpc.is_model_ready("encode")


def test_grpc_asks_for_the_token_too(letters, serve):
    served = serve(str(letters), "--grpc-port", "0", environment={"UNBRAID_TOKEN": TOKEN})
    with triton_grpc.InferenceServerClient(served.listening["grpc"]) as client:
        assert client.is_server_live()
        for headers in (None, {"authorization": "Bearer wrong-token-of-length"}, {"authorization": TOKEN}):
            with pytest.raises(InferenceServerException, match="bearer token"):
                client.get_server_metadata(headers=headers)
        assert client.get_server_metadata(headers={"authorization": f"Bearer {TOKEN}"}).name == "unbraid"
    assert served.stop() == 0
