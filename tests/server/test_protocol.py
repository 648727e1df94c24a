"""The Open Inference Protocol, as a plain HTTP client sees it."""

import json

import numpy as np
import pytest


def tensor(name, array, **more):
    kind = "INT64" if array.dtype.kind == "i" else "FP32"
    return {"name": name, "datatype": kind, "shape": list(array.shape), "data": array.ravel().tolist(), **more}


def arrays(answer):
    return {t["name"]: np.array(t["data"], np.float32).reshape(t["shape"]) for t in answer.json()["outputs"]}


def test_health(http):
    assert http.get("/v2/health/live").json() == {"live": True}
    assert http.get("/v2/health/ready").json() == {"ready": True}


def test_server_metadata(http):
    found = http.get("/v2").json()
    assert found["name"] == "unbraid" and "binary_tensor_data" in found["extensions"]


def test_every_graph_and_every_verb_is_a_model(http, bundle):
    names = {entry["name"] for entry in http.post("/v2/repository/index").json()}
    assert names == {
        *bundle.manifest.graphs,
        "factors",
        "reconstruct",
        "transfer",
        "interpolate",
        "few_shot",
        "compare",
    }


def test_metadata_is_that_of_the_graphs(http, bundle):
    for name, graph in bundle.manifest.graphs.items():
        found = http.get(f"/v2/models/{name}").json()
        assert found["name"] == name and found["versions"] == ["1"] and found["platform"] == "onnxruntime_onnx"
        for side, tensors in (("inputs", graph.inputs), ("outputs", graph.outputs)):
            stated = [{"name": t.name, "datatype": "FP32", "shape": [-1, *t.shape]} for t in tensors]
            assert found[side] == stated
    assert http.get("/v2/models/encode/versions/1").json() == http.get("/v2/models/encode").json()
    assert http.get("/v2/models/encode/versions/1/ready").json() == {"name": "encode", "ready": True}


@pytest.mark.parametrize("path", ["/v2/models/disentangle/infer", "/v2/models/disentangle/versions/1/infer"])
def test_json_gives_the_numbers_of_the_bundle(http, bundle, latents, path):
    answer = http.post(path, json={"id": "a-1", "inputs": [tensor("latent", latents)]})
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert (document["id"], document["model_name"], document["model_version"]) == ("a-1", "disentangle", "1")
    found, expected = arrays(answer), bundle.run("disentangle", {"latent": latents})
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert np.array_equal(found[name], value), "JSON keeps every digit of a float32"


def test_nested_data_is_the_same_as_flat(http, latents):
    nested = tensor("latent", latents) | {"data": latents.tolist()}
    flat = {"inputs": [tensor("latent", latents)]}
    answers = [http.post("/v2/models/disentangle/infer", json=body) for body in ({"inputs": [nested]}, flat)]
    assert answers[0].json() == answers[1].json()


def binary_body(inputs, **document):
    entries = [
        {"name": n, "datatype": "FP32", "shape": list(a.shape), "parameters": {"binary_data_size": a.nbytes}}
        for n, a in inputs.items()
    ]
    head = json.dumps({"inputs": entries, **document}).encode()
    return head + b"".join(a.tobytes() for a in inputs.values()), {"inference-header-content-length": str(len(head))}


def test_bytes_in_and_bytes_out(http, bundle, latents):
    given = bundle.run("disentangle", {"latent": latents})
    body, headers = binary_body(given, parameters={"binary_data_output": True})
    answer = http.post("/v2/models/entangle/infer", content=body, headers=headers)
    end = int(answer.headers["inference-header-content-length"])
    (entry,) = json.loads(answer.content[:end])["outputs"]
    assert entry["parameters"] == {"binary_data_size": 2 * 8 * 4} and "data" not in entry
    expected = bundle.run("entangle", given)["latent"]
    assert np.array_equal(np.frombuffer(answer.content[end:], "<f4").reshape(entry["shape"]), expected)


def test_outputs_are_those_asked_for_in_their_order_and_kind(http, bundle, latents):
    outputs = [{"name": "remainder"}, {"name": "letter", "parameters": {"binary_data": True}}]
    body = {"inputs": [tensor("latent", latents)], "outputs": outputs}
    answer = http.post("/v2/models/disentangle/infer", json=body)
    end = int(answer.headers["inference-header-content-length"])
    first, second = json.loads(answer.content[:end])["outputs"]
    assert (first["name"], second["name"]) == ("remainder", "letter") and "data" in first
    letter = bundle.run("disentangle", {"latent": latents})["letter"]
    assert answer.content[end:] == letter.tobytes()


def test_noise_may_be_left_out_and_is_zeros(http, bundle, latents):
    given = {"latent": latents, "noise": np.full((2, 4), 0.5, np.float32)}
    without = arrays(http.post("/v2/models/vary/infer", json={"inputs": [tensor("latent", latents)]}))
    with_noise = arrays(http.post("/v2/models/vary/infer", json={"inputs": [tensor(n, a) for n, a in given.items()]}))
    assert np.allclose(with_noise["varied"] - without["varied"], 0.5, atol=1e-5)
    assert np.array_equal(with_noise["varied"], bundle.run("vary", given)["varied"])


def test_a_request_id_of_the_client_comes_back(http):
    assert http.get("/v2", headers={"x-request-id": "my-request-1"}).headers["x-request-id"] == "my-request-1"
    strange = http.get("/v2", headers={"x-request-id": "two words"}).headers["x-request-id"]
    assert len(strange) == 16 and strange != http.get("/v2").headers["x-request-id"]


def test_the_description_of_the_api_is_complete(http):
    found = http.get("/openapi.json").json()
    infer = found["paths"]["/v2/models/{model}/infer"]["post"]
    assert "transfer" in infer["parameters"][0]["schema"]["enum"]
    assert {"200", "400", "404", "413", "503", "504"} <= infer["responses"].keys()
