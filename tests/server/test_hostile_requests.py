"""What clients must not be able to do with a body; every fault is theirs, a 4xx with a fixed text."""

import json

import httpx
import numpy as np
import pytest

PATH = "/v2/models/disentangle/infer"
GOOD = {"name": "latent", "datatype": "FP32", "shape": [1, 8], "data": [0.5] * 8}
ONLY = "inputs of 'disentangle' are 'latent'"


def request(*inputs, **more):
    return json.dumps({"inputs": list(inputs), **more}).encode()


def good(**changes):
    return request(GOOD | changes)


def raw(data):
    """A request whose data is spelt out."""
    return b'{"inputs":[{"name":"latent","datatype":"FP32","shape":[1,8],"data":' + data + b"}]}"


def eight(first):
    return raw(b"[" + first + b",0,0,0,0,0,0,0]")


NO_JSON = {
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "text": b'"x"',
    "number": b"1",
    "truncated": good()[:-9],
    "two documents": good() + good(),
    "lists 100 000 deep": b"[" * 100_000,
    "lists 2000 deep in data": raw(b"[" * 2000 + b"]" * 2000),
    "1e999": eight(b"1e999"),
    "NaN token": eight(b"NaN"),
    "Infinity token": eight(b"Infinity"),
    "-Infinity token": eight(b"-Infinity"),
    "hexadecimal": eight(b"0x10"),
    "leading zero": eight(b"007"),
    "comment": b"/* */" + good(),
    "single quotes": b"{'inputs': []}",
    "byte order mark": b"\xef\xbb\xbf" + good(),
    "UTF-16": good().decode().encode("utf-16"),
    "UTF-32": good().decode().encode("utf-32-le"),
    "Latin-1": b'{"id":"\xe9"}',
    "lone surrogate": b'{"id":"\\ud800"}',
    "NUL": b"\x00" * 8,
    "control character in text": b'{"id":"\x01"}',
}
KEYS = {
    "a key twice": b'{"inputs":[],"inputs":[]}',
    "a key twice, once escaped": b'{"inputs":[],"\\u0069nputs":[]}',
    "a key twice inside": request(GOOD).replace(b'"name"', b'"name": "x", "name"'),
    "a key twice, with decoys": b'{"id":"\\":\\":","id":"b","inputs":[]}',
}
SHAPES = [
    *([-1, 8], [0, 8], [2, 8], [1, 7], [8], [1, 1, 8], [], None, "1,8", {"0": 1}, [1, None], [1, [8]], [1, "8"]),
    *([1.0, 8], [True, 8], [1.5, 8], [-(2**63), 8], [1, -8], [1e308, 8]),
]
HUGE = [[2**63, 8], [10**12, 8], [2**62, 8], [10**30, 8], [1025, 8]]
DATA = {
    "short": [0.5] * 7,
    "long": [0.5] * 9,
    "none": [],
    "null": None,
    "a null": [None] + [0.5] * 7,
    "text": "0.5",
    "texts": ["0.5"] * 8,
    "a text": ["0.5"] + [0.5] * 7,
    "booleans": [True] * 8,
    "a boolean": [True] + [0.5] * 7,
    "ragged": [[0.5] * 7, [0.5]],
    "nested otherwise": [[0.5] * 4, [0.5] * 4],
    "nested too deeply": [[[0.5] * 8]],
    "nested and flat": [[0.5] * 4, 0.5, 0.5, 0.5, 0.5],
    "object": {"0": 0.5},
    "objects": [{}] * 8,
    "a number": 0.5,
    "beyond float32": [1e300] + [0.5] * 7,
    "deep": [[[[[[[[0.5]]]]]]]] * 8,
}
DATATYPES = ["FP64", "INT64", "BYTES", "FP16", "BF16", "BOOL", "fp32", "", None, 32, ["FP32"], {"a": 1}, "X" * 100_000]
IDS = [
    {},
    [],
    1,
    None,
    True,
    "x" * 129,
    "x" * 1_000_000,
    "a\r\nx-evil: 1",
    "a\nb",
    "a b",
    "\u202e",
    "é",
    "\x00",
    "<script>",
]
PARAMETERS = [[], None, 1, "x", {"a": []}, {"a": {}}, {"a": None}, {"shared_memory_region": "x"}]
MALFORMED = {
    "no inputs": {},
    "inputs null": {"inputs": None},
    "inputs object": {"inputs": {}},
    "inputs empty": {"inputs": []},
    "inputs of numbers": {"inputs": [1]},
    "inputs of lists": {"inputs": [[]]},
    "300 inputs": {"inputs": [GOOD] * 300},
    "input twice": {"inputs": [GOOD, GOOD]},
    "input unknown": {"inputs": [GOOD | {"name": "noise"}]},
    "input extra": {"inputs": [GOOD, GOOD | {"name": "extra"}]},
    "input without a name": {"inputs": [{k: v for k, v in GOOD.items() if k != "name"}]},
    "name null": {"inputs": [GOOD | {"name": None}]},
    "name list": {"inputs": [GOOD | {"name": ["latent"]}]},
    "name in capitals": {"inputs": [GOOD | {"name": "LATENT"}]},
    "name with look-alikes": {"inputs": [GOOD | {"name": "l\u0430tent"}]},
    "name of 10 kB": {"inputs": [GOOD | {"name": "x" * 10_000}]},
    "strange member": {"inputs": [GOOD], "model": "x"},
    "strange member of an input": {"inputs": [GOOD | {"file": "/etc/passwd"}]},
    "outputs null": {"inputs": [GOOD], "outputs": None},
    "outputs of texts": {"inputs": [GOOD], "outputs": ["letter"]},
    "output unknown": {"inputs": [GOOD], "outputs": [{"name": "secret"}]},
    "output twice": {"inputs": [GOOD], "outputs": [{"name": "letter"}, {"name": "letter"}]},
    "output without a name": {"inputs": [GOOD], "outputs": [{}]},
    "output as text": {"inputs": [GOOD], "outputs": [{"name": "letter", "parameters": {"binary_data": "true"}}]},
    "classification": {"inputs": [GOOD], "outputs": [{"name": "letter", "parameters": {"classification": 3}}]},
    "binary_data_output a number": {"inputs": [GOOD], "parameters": {"binary_data_output": 1}},
    "shape missing": {"inputs": [{k: v for k, v in GOOD.items() if k != "shape"}]},
    "datatype missing": {"inputs": [{k: v for k, v in GOOD.items() if k != "datatype"}]},
    "data missing": {"inputs": [{k: v for k, v in GOOD.items() if k != "data"}]},
}


def cases():
    yield from ((name, body) for name, body in (NO_JSON | KEYS).items())
    yield from ((f"shape {shape}", good(shape=shape)) for shape in SHAPES)
    yield from ((f"data {name}", good(data=data)) for name, data in DATA.items())
    yield from ((f"datatype {str(kind)[:20]}", good(datatype=kind)) for kind in DATATYPES)
    yield from ((f"id {str(value)[:20]!r}", request(GOOD, id=value)) for value in IDS)
    yield from ((f"parameters {value}", request(GOOD, parameters=value)) for value in PARAMETERS)
    yield from ((f"input parameters {value}", good(parameters=value)) for value in PARAMETERS)
    yield from ((name, json.dumps(body).encode()) for name, body in MALFORMED.items())


CASES = dict(cases())


@pytest.mark.parametrize("name", CASES)
def test_a_malformed_body_is_refused(http, name):
    refused(http.post(PATH, content=CASES[name]), 400)


def refused(answer: httpx.Response, *statuses: int) -> str:
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert "x-evil" not in answer.headers
    (text,) = answer.json().values()
    assert 0 < len(text) < 200
    for traced in ("Traceback", ".py", "Error", "/etc", "<script>", "xxx", "numpy", "onnx"):
        assert traced not in text
    return text


def test_the_good_one_is_good(http):
    assert http.post(PATH, content=good()).status_code == 200
    escaped = request(GOOD, id="a:b").replace(b'"latent"', b'"l\\u0061tent"')
    assert http.post(PATH, content=escaped).status_code == 200


@pytest.mark.parametrize("shape", HUGE)
def test_a_shape_beyond_the_limits_is_refused_before_memory_is_taken(http, shape):
    """One such request ended the process of a server many trust."""
    refused(http.post(PATH, content=good(shape=shape)), 400, 413)


def test_more_numbers_than_a_tensor_may_have(http):
    body = b'{"inputs":[' + b"0," * 600_000 + b"0]}"
    assert "numbers" in refused(http.post(PATH, content=body), 413)


def test_texts_are_fixed(http):
    """What a client sends never comes back."""
    texts = [
        http.post(PATH, content=good(name=name)).json()["error"] for name in ("a", "<b>", "\u202e", "{0}", "%s%s%n")
    ]
    assert set(texts) == {ONLY}


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("model", ["disentangle", "encode", "factors"])
def test_numbers_that_are_none_are_refused_as_bytes_too(http, value, model):
    name, shape = ("latent", (1, 8)) if model == "disentangle" else ("image", (1, 1, 8, 8))
    array = np.full(shape, 0.5, "<f4")
    array.flat[3] = float(value)
    refused(post_binary(http, array.tobytes(), name=name, shape=shape, model=model), 400)


@pytest.mark.parametrize("value", [-0.01, 1.01, 255])
@pytest.mark.parametrize("model", ["encode", "reconstruct"])
def test_pixels_out_of_range_are_refused(http, value, model):
    array = np.full((1, 1, 8, 8), 0.5, "<f4")
    array.flat[3] = value
    answer = post_binary(http, array.tobytes(), name="image", shape=array.shape, model=model)
    assert "[0, 1]" in refused(answer, 400)


def test_what_overflows_in_the_graph_is_not_sent(http, bundle):
    inputs = [
        {"name": f.name, "datatype": "FP32", "shape": [1, *f.shape], "data": [3e38] * f.shape[0]}
        for f in bundle.factors
    ]
    answer = http.post("/v2/models/entangle/infer", json={"inputs": inputs})
    assert "finite" in refused(answer, 500)


def post_binary(
    http, tail, *, name="latent", shape=(1, 8), size=None, length=None, model="disentangle", headers=(), **entry
):
    entry = {
        "name": name,
        "datatype": "FP32",
        "shape": list(shape),
        "parameters": {"binary_data_size": len(tail) if size is None else size},
    } | entry
    head = json.dumps({"inputs": [entry]}).encode()
    lengths = [("inference-header-content-length", str(len(head)) if length is None else length), *headers]
    return http.post(f"/v2/models/{model}/infer", content=head + tail, headers=lengths)


TAIL = np.full(8, 0.5, "<f4").tobytes()


def test_the_good_binary_is_good(http):
    assert post_binary(http, TAIL).status_code == 200


@pytest.mark.parametrize("size", [-32, 0, 31, 33, 64, 2**63, 2**70, "32", 32.0, True, [32], None])
def test_a_wrong_binary_size_is_refused(http, size):
    parameters = {"binary_data_size": size}
    refused(post_binary(http, TAIL, parameters=parameters), 400)


@pytest.mark.parametrize("tail", [b"", TAIL[:-1], TAIL + b"x", TAIL * 2, TAIL + b"0" * 1_000_000])
def test_bytes_missing_or_left_over_are_refused(http, tail):
    refused(post_binary(http, tail, size=32), 400)


@pytest.mark.parametrize("length", ["-1", "0", "abc", "", "1e2", "0x10", "+5", "9" * 12, "9" * 30, "1.5", "٣"])
def test_a_wrong_header_length_is_refused(http, length):
    refused(post_binary(http, TAIL, length=length.encode()), 400)


def test_a_repeated_header_length_is_refused(http):
    refused(post_binary(http, TAIL, headers=[("Inference-Header-Content-Length", "5")]), 400)


def test_data_beside_bytes_is_refused(http):
    refused(post_binary(http, TAIL, data=[0.5] * 8), 400)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "x", "identity, gzip"])
def test_no_content_encoding_is_taken(http, coding):
    assert "Content-Encoding" in refused(
        http.post(PATH, content=b"\x1f\x8b", headers={"content-encoding": coding}), 415
    )


MODELS = ["%2e%2e", "%2e%2e%2f", "%00", "a%00b", "encode%00", "Encode", "ENCODE", "enc%6fde%20", "%D0%B5ncode"]


@pytest.mark.parametrize("name", [*MODELS, "x" * 10_000, "encode.onnx", "%2Fetc%2Fpasswd", "-", "encode;x"])
@pytest.mark.parametrize("suffix", ["", "/infer", "/ready"])
def test_names_nobody_serves(http, name, suffix):
    send = http.post if suffix == "/infer" else http.get
    assert send(f"/v2/models/{name}{suffix}").status_code in (404, 405)


@pytest.mark.parametrize("version", ["abc", "-1", "0", "2", "01", "1.0", "99999999999999999999", "%31%00", "１"])
def test_versions_nobody_serves(http, version):
    refused(http.get(f"/v2/models/encode/versions/{version}"), 404)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "PATCH", "OPTIONS", "CONNECT", "PROPFIND"])
@pytest.mark.parametrize("path", ["/v2/models/encode", PATH, "/v2", "/metrics"])
def test_other_methods_are_refused(http, method, path):
    assert http.request(method, path).status_code in (400, 405)


@pytest.mark.parametrize("what", ["load", "unload"])
def test_models_cannot_be_loaded_or_unloaded(http, what):
    refused(http.post(f"/v2/repository/models/encode/{what}"), 404)
    assert http.get("/v2/models/encode/ready").status_code == 200


def test_a_body_that_says_it_is_too_large(http):
    refused(http.post(PATH, content=b" " * 4_000_001), 413)


def test_a_body_that_grows_too_large(http):
    refused(http.post(PATH, content=iter([b" " * 100_000] * 41)), 413)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil", ""])
def test_names_of_other_hosts_are_refused(http, host):
    """A page of a stranger's may let its name point here, and would be allowed to read the answers."""
    refused(http.get("/v2", headers={"host": host}), 421)


def test_in_the_end_it_still_answers(http, bundle, latents):
    body = {"inputs": [{"name": "latent", "datatype": "FP32", "shape": [2, 8], "data": latents.ravel().tolist()}]}
    found = {t["name"]: t["data"] for t in http.post(PATH, json=body).json()["outputs"]}
    expected = bundle.run("disentangle", {"latent": latents})
    assert {name: np.float32(data).tolist() for name, data in found.items()} == {
        name: value.ravel().tolist() for name, value in expected.items()
    }
