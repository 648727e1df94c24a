"""Requests nobody thought of: hypothesis on tensors, schemathesis on the description of the API."""

import json

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
FLOATS = npst.arrays(np.float32, st.tuples(st.integers(1, 5), st.just(8)), elements=st.floats(-1e4, 1e4, width=32))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("latent") | JSON,
        "datatype": st.just("FP32") | JSON,
        "shape": st.lists(st.integers(-2, 10) | st.integers(), max_size=4) | JSON,
        "data": st.lists(st.floats() | st.integers(), max_size=20) | JSON,
        "parameters": st.fixed_dictionaries({}, optional={"binary_data_size": st.integers() | JSON}) | JSON,
    },
)
REQUEST = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "parameters": JSON,
        "inputs": st.lists(ENTRY, max_size=3) | JSON,
        "outputs": st.lists(st.fixed_dictionaries({"name": st.sampled_from(["hand", "letter"]) | JSON})) | JSON,
    },
)


def post(http, content, **headers):
    return http.post("/v2/models/disentangle/infer", content=content, headers=headers)


@SETTINGS
@given(FLOATS)
def test_any_tensor_gives_the_numbers_of_the_bundle_in_both_forms(http, bundle, array):
    expected = bundle.run("disentangle", {"latent": array})
    entry = {"name": "latent", "datatype": "FP32", "shape": list(array.shape)}
    as_json = post(http, json.dumps({"inputs": [entry | {"data": array.ravel().tolist()}]})).json()["outputs"]
    head = json.dumps(
        {
            "inputs": [entry | {"parameters": {"binary_data_size": array.nbytes}}],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    answer = post(http, head + array.tobytes(), **{"inference-header-content-length": str(len(head))})
    at = int(answer.headers["inference-header-content-length"])
    for output in as_json:
        value = expected[output["name"]]
        assert np.array_equal(np.float32(output["data"]).reshape(output["shape"]), value)
        assert answer.content[at : at + value.nbytes] == value.tobytes()
        at += value.nbytes


@SETTINGS
@given(
    REQUEST | JSON,
    st.binary(max_size=40),
    st.none() | st.integers() | st.text(st.characters(codec="ascii"), max_size=9),
)
def test_any_document_is_answered_or_refused(http, document, tail, length):
    head = json.dumps(document).encode()
    value = str(len(head) if length is None else length).strip()
    if not value.isprintable():
        value = "x"
    answer = post(http, head + tail, **{"inference-header-content-length": value})
    assert answer.status_code in (200, 400, 413), answer.text


@SETTINGS
@given(st.binary(max_size=300))
def test_any_bytes_are_refused(http, data):
    assert post(http, data).status_code == 400
    files = {"content-type": "image/png"}
    assert http.post("/pictures/factors", content=data, headers=files).status_code == 400


@pytest.mark.slow
def test_the_api_is_as_it_is_described(server):
    schemathesis = pytest.importorskip("schemathesis")
    checks = schemathesis.checks
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")

    for operation in schema.get_all_operations():

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(operation.ok().as_strategy())
        def conforms(case):
            case.call_and_validate(checks=[checks.not_a_server_error])

        conforms()
