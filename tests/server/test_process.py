"""The process: tokens, addresses, limits on time and crowds, logs, metrics, the end."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import numpy as np
import pytest

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def guarded(letters, serve):
    """A server with a token, at all addresses, with two bundles and narrow limits."""
    served = serve(
        f"one={letters}",
        f"two={letters}",
        *("--host", "0.0.0.0", "--workers", "1", "--limit", "requests=4", "--limit", "connections=40"),
        environment={"UNBRAID_TOKEN": TOKEN},
    )
    yield served
    assert served.stop(signal.SIGINT) == 0


def get(served, path, **headers):
    return httpx.get(f"http://127.0.0.1:{served.port}{path}", headers=headers, timeout=20)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Bearer",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        TOKEN,
        "Bearer " + "x" * 9000,
    ],
)
def test_without_the_token_nothing_but_health_is_told(guarded, given):
    headers = {"authorization": given} if given else {}
    for path in ("/", "/v2", "/metrics", "/openapi.json", "/v2/models/one-encode", "/nothing"):
        answer = get(guarded, path, **headers)
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert answer.json() == {"error": "a bearer token is needed"}
    assert get(guarded, "/v2/health/live", **headers).status_code == 200
    assert get(guarded, "/v2/health/ready", **headers).status_code == 200


def test_with_the_token_everything_is(guarded):
    for scheme in ("Bearer", "bearer"):
        found = get(guarded, "/v2/models/one-encode", authorization=f"{scheme} {TOKEN}").json()
        assert found["name"] == "one-encode"
    assert get(guarded, "/v2/models/two-transfer", authorization=f"Bearer {TOKEN}").status_code == 200
    assert get(guarded, "/v2/models/encode", authorization=f"Bearer {TOKEN}").status_code == 404


def test_a_repeated_token_is_none(guarded):
    headers = [("authorization", f"Bearer {TOKEN}"), ("authorization", "Bearer x")]
    assert httpx.get(f"http://127.0.0.1:{guarded.port}/v2", headers=headers).status_code == 401


def test_a_crowd_is_told_to_come_back(guarded):
    """Four requests that have not ended yet fill this server."""
    head = f"POST /v2/models/one-encode/infer HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n"
    slow = [socket.create_connection(("127.0.0.1", guarded.port)) for _ in range(4)]
    for connection in slow:
        connection.sendall(head.encode() + b"content-length: 10\r\n\r\n{")
    time.sleep(0.5)
    address = f"http://127.0.0.1:{guarded.port}/v2/models/one-encode/infer"
    answer = httpx.post(address, content=b"{}", headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
    for connection in slow:
        connection.close()
    time.sleep(0.5)
    assert httpx.post(address, content=b"{}", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 400


def test_too_many_connections_are_told_to_come_back(guarded):
    crowd = [socket.create_connection(("127.0.0.1", guarded.port), timeout=5) for _ in range(60)]
    time.sleep(0.5)
    said = b""
    for connection in crowd[45:]:
        said += connection.recv(1000)
    for connection in crowd:
        connection.close()
    assert said.count(b"503 Service Unavailable") == 15
    time.sleep(0.3)
    assert get(guarded, "/v2/health/live").status_code == 200


def test_a_stop_finishes_what_was_begun(letters, serve):
    """The body of one request arrives after the signal, and is answered; a new one is not let in."""
    served = serve(str(letters))
    body = json.dumps({"inputs": [{"name": "latent", "datatype": "FP32", "shape": [1, 8], "data": [0.5] * 8}]}).encode()
    head = b"POST /v2/models/disentangle/infer HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(head + body[:-1])
        time.sleep(0.5)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(ConnectionError):
            socket.create_connection(("127.0.0.1", served.port), timeout=2).close()
        connection.sendall(body[-1:])
        said = b""
        while more := connection.recv(65536):
            said += more
    assert said.startswith(b"HTTP/1.1 200") and b'"letter"' in said
    assert served.stop() == 0
    assert [event["event"] for event in map(json.loads, served.log)][-1] == "stopped"


def test_a_client_may_grant_less_time_than_the_server(http, images):
    tensors = [{"name": "image", "datatype": "FP32", "shape": list(images.shape), "data": images.ravel().tolist()}]
    answer = http.post("/v2/models/reconstruct/infer", json={"inputs": tensors, "parameters": {"timeout": 1}})
    assert answer.status_code == 504
    assert http.get("/v2/health/ready").status_code == 200


def test_every_request_is_a_line_of_json(server, http):
    mark = "line-" + str(time.time_ns())
    http.get('/v2/models/%0a{"event":"forged"}', headers={"x-request-id": mark})
    deadline = time.monotonic() + 5
    while not (found := [e for e in server.events("request") if e["id"] == mark]) and time.monotonic() < deadline:
        time.sleep(0.05)
    (event,) = found
    assert (event["method"], event["model"], event["status"]) == ("GET", "-", 404)
    assert event["ms"] >= 0 and "forged" in event["path"] and server.events("forged") == []


def test_metrics_have_labels_for_known_models_only(http):
    for name in ("encode", "no-such-model-1", "no-such-model-2"):
        http.get(f"/v2/models/{name}")
    text = http.get("/metrics").text
    assert 'unbraid_requests_total{model="encode",status="200"}' in text
    assert 'unbraid_request_seconds_count{model="encode"}' in text
    assert "no-such-model" not in text
    known = {entry["name"] for entry in http.post("/v2/repository/index").json()} | {"-"}
    assert set(re.findall(r'model="([^"]*)"', text)) <= known


def run(*arguments, **environment):
    command = [sys.executable, "-m", "unbraid", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment or None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_another_address_needs_a_token(letters, host):
    done = run(str(letters), "--host", host)
    assert done.returncode == 2 and "token" in done.stderr and "--insecure" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing argument"),
        (["/nowhere"], "nowhere"),
        (["LETTERS", "LETTERS"], "two bundles of one name"),
        (["no name=LETTERS"], "no name for a model"),
        (["LETTERS", "--limit", "rows=0"], "more than 0"),
        (["LETTERS", "--limit", "row=5"], "did you mean 'rows'"),
        (["LETTERS", "--limit", "rows=many"], "a number"),
        (["LETTERS", "--token-file", "SHORT"], "protects nothing"),
    ],
)
def test_misuse_is_explained(letters, tmp_path, arguments, words):
    short = tmp_path / "token"
    short.write_text("short")
    spelt = [word.replace("LETTERS", str(letters)).replace("SHORT", str(short)) for word in arguments]
    done = run(*spelt)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_said_so(letters, server):
    done = run(str(letters), "--port", str(server.port))
    assert done.returncode == 2 and "cannot listen" in done.stderr


def test_a_damaged_bundle_is_not_served(letters, tmp_path):
    import shutil

    copy = tmp_path / "damaged"
    shutil.copytree(letters, copy)
    graph = copy / "models" / "encode" / "1" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"\x00")
    assert "altered" in run(str(copy)).stderr


def test_concurrent_requests_share_batches(http, server):
    """More requests at once than threads: fewer runs than requests, and everybody's own numbers."""
    rng = np.random.default_rng(0)
    given = rng.random((48, 1, 1, 8, 8), np.float32)
    results: list = [None] * len(given)

    def send(number):
        image = given[number]
        tensors = [{"name": "image", "datatype": "FP32", "shape": [1, 1, 8, 8], "data": image.ravel().tolist()}]
        results[number] = http.post("/v2/models/factors/infer", json={"inputs": tensors}).json()["outputs"]

    before = batches(http)
    threads = [threading.Thread(target=send, args=(number,)) for number in range(len(given))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    requests, runs = (after - b for after, b in zip(batches(http), before, strict=True))
    assert requests == 48 and runs <= 48
    tensors = [{"name": "image", "datatype": "FP32", "shape": [48, 1, 8, 8], "data": given.ravel().tolist()}]
    together = http.post("/v2/models/factors/infer", json={"inputs": tensors}).json()["outputs"]
    for output, whole in enumerate(together):
        rows = np.array(whole["data"]).reshape(whole["shape"])
        alone = np.stack([np.array(result[output]["data"]) for result in results])
        assert np.abs(rows - alone).max() <= 1e-5


def batches(http):
    text = http.get("/metrics").text
    return [
        float(found[1]) if (found := re.search(pattern, text)) else 0.0
        for pattern in (
            r'unbraid_batched_requests_total\{graph="encode"\} (\S+)',
            r'unbraid_batch_rows_count\{graph="encode"\} (\S+)',
        )
    ]
