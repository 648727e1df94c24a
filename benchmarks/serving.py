"""What the server costs over onnxruntime alone: CPU per request of all its processes, and latency.

    python benchmarks/serving.py BUNDLE            # a few minutes
    python benchmarks/serving.py BUNDLE --quick    # one minute, fewer requests
    python benchmarks/serving.py BUNDLE --kserve VENV/bin/python --triton PATH/TO/tritonserver

The load comes from this process over plain sockets and is not counted; onnxruntime in process is measured in the same
run, before and after each row. CPU time is what counts on a busy machine; latencies then only compare rows.
The bundle must have one head. Other engines speak the same protocol and get the same bytes: KServe's SDK from a virtual
environment that has it and onnxruntime, Triton from its binary with the onnxruntime backend.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import unbraid
from unbraid.core.bundle import BundleGraph

CLIENTS = (1, 16, 64)
GRAPHS = ("disentangle", "encode")

#: A model of KServe's SDK, as its documentation writes one.
KSERVE = """
import sys, numpy, onnxruntime
from kserve import InferOutput, InferResponse, Model, ModelServer

class Graph(Model):
    def __init__(self, name, path):
        super().__init__(name)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(path, options)
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        found = self.session.run(None, {tensor.name: tensor.as_numpy() for tensor in payload.inputs})
        outputs = []
        for output, array in zip(self.session.get_outputs(), found):
            tensor = InferOutput(output.name, list(array.shape), "FP32")
            tensor.set_data_from_numpy(array, binary_data=False)
            outputs.append(tensor)
        return InferResponse(payload.id or "", self.name, outputs)

port, *graphs = sys.argv[1:]
sys.argv = sys.argv[:1]
models = [Graph(*graph.split("=")) for graph in graphs]
ModelServer(http_port=int(port), enable_grpc=False, workers=1).start(models)
"""


@dataclass(frozen=True)
class Row:
    """What one engine took for one kind of request."""

    engine: str
    graph: str
    form: str
    clients: int
    cpu_ms: float
    p50_ms: float
    p99_ms: float
    per_second: float
    onnxruntime_ms: float

    @property
    def over(self) -> float:
        """CPU milliseconds over onnxruntime alone."""
        return self.cpu_ms - self.onnxruntime_ms

    def __str__(self) -> str:
        return (
            f"{self.engine:<8} {self.graph:<12} {self.form:<7} {self.clients:>3}  {self.cpu_ms:6.3f}  {self.over:+7.3f}"
            f"  {self.p50_ms:8.2f}  {self.p99_ms:8.2f}  {self.per_second:8.0f}"
        )


HEADER = "engine   graph        form    clients  CPU ms  over ort  p50 ms    p99 ms     req/s"


def main() -> None:
    """Measure and print a table; the last line says whether the aim was reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--quick", action="store_true", help="a fifth of the requests")
    parser.add_argument("--kserve", type=Path, metavar="PYTHON", help="python of an environment with KServe's SDK")
    parser.add_argument("--triton", type=Path, metavar="TRITONSERVER", help="binary of Triton")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    options = parser.parse_args()
    requests = 600 if options.quick else 3000
    print(HEADER)
    rows = [row for engine, command in commands(options) for row in measure(engine, command, options.bundle, requests)]
    small = [row for row in rows if (row.engine, row.graph, row.form) == ("unbraid", "disentangle", "binary")]
    best, worst = min(row.over for row in small), max(row.over for row in small)
    print(f"\nsmall binary requests: {best:.2f} to {worst:.2f} ms of CPU over onnxruntime; wanted: 0.5 at most")
    if options.json:
        options.json.write_text(json.dumps([vars(row) | {"over": row.over} for row in rows], indent=1))


def commands(options: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    """Give the engines and how to start them; PORT is filled in."""
    bundle: Path = options.bundle.resolve()
    serve = [sys.executable, "-m", "unbraid", "serve", str(bundle), "--port", "PORT"]
    yield "unbraid", [*serve, "--workers", "2", "--no-request-log"]
    if options.kserve:
        graphs = [f"{name}={bundle / 'models' / name / '1' / 'model.onnx'}" for name in GRAPHS]
        yield "kserve", [str(options.kserve), "-c", KSERVE, "PORT", *graphs]
    if options.triton:
        places = ["--model-repository", str(bundle / "models"), "--http-port", "PORT", "--allow-grpc", "false"]
        yield "triton", [str(options.triton), *places, "--allow-metrics", "false"]


def measure(engine: str, command: list[str], bundle: Path, requests: int) -> Iterator[Row]:
    """Start an engine and measure every kind of request."""
    local = unbraid.load_bundle(bundle).open()
    with running(command) as (process, port):
        for graph in GRAPHS:
            for form in ("binary", "json"):
                message = request(local.manifest.graphs[graph], graph, form == "binary")
                asyncio.run(load(port, message, 4, requests // 10))
                for clients in CLIENTS:
                    row = one_row(engine, graph, form, clients, process, port, message, requests, local)
                    print(row, flush=True)
                    yield row


def one_row(
    engine: str,
    graph: str,
    form: str,
    clients: int,
    process: int,
    port: int,
    message: bytes,
    requests: int,
    local: unbraid.Bundle,
) -> Row:
    """Measure one kind of request with a number of clients at once."""
    before = alone(local, graph)
    used, begun = cpu_seconds(process), time.perf_counter()
    waits = asyncio.run(load(port, message, clients, requests))
    seconds, used = time.perf_counter() - begun, cpu_seconds(process) - used
    p50, p99 = np.percentile(waits, (50, 99)) * 1e3
    own = min(before, alone(local, graph))
    return Row(engine, graph, form, clients, 1e3 * used / len(waits), p50, p99, len(waits) / seconds, own)


def alone(local: unbraid.Bundle, graph: str, calls: int = 300) -> float:
    """CPU milliseconds of the graph in onnxruntime, in this process."""
    inputs = filled(local.manifest.graphs[graph])
    session = local._graphs.session(graph)  # beneath the checks of `Bundle.run`: nothing but onnxruntime
    for _ in range(calls // 10):
        session.run(None, inputs)
    begun = time.process_time()
    for _ in range(calls):
        session.run(None, inputs)
    return 1e3 * (time.process_time() - begun) / calls


def filled(graph: BundleGraph) -> dict[str, np.ndarray]:
    """One row of numbers for every input."""
    rng = np.random.default_rng(0)
    return {t.name: rng.random((1, *t.shape), np.float32) for t in graph.inputs}


def request(graph: BundleGraph, name: str, binary: bool) -> bytes:
    """Spell a whole request out."""
    entries, tail = [], b""
    for key, array in filled(graph).items():
        entry = {"name": key, "datatype": "FP32", "shape": list(array.shape)}
        if binary:
            entries.append(entry | {"parameters": {"binary_data_size": array.nbytes}})
            tail += array.tobytes()
        else:
            entries.append(entry | {"data": array.ravel().tolist()})
    head = json.dumps({"inputs": entries} | ({"parameters": {"binary_data_output": True}} if binary else {})).encode()
    lines = [f"POST /v2/models/{name}/infer HTTP/1.1", "Host: localhost", f"Content-Length: {len(head) + len(tail)}"]
    kind = "application/octet-stream" if binary else "application/json"
    lines += [f"Content-Type: {kind}", *([f"Inference-Header-Content-Length: {len(head)}"] if binary else []), "", ""]
    return "\r\n".join(lines).encode() + head + tail


async def load(port: int, message: bytes, clients: int, requests: int) -> list[float]:
    """Send requests over kept connections, as fast as they are answered; gives the seconds each took."""
    waits: list[float] = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        for _ in range(max(1, requests // clients)):
            begun = time.perf_counter()
            writer.write(message)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(head.decode())
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            await reader.readexactly(int(length.partition(b":")[2]))
            waits.append(time.perf_counter() - begun)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return waits


@contextmanager
def running(command: list[str]) -> Iterator[tuple[int, int]]:
    """Start a server and wait until it is ready; gives its process and port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    spelt = [part.replace("PORT", str(port)) if part == "PORT" else part for part in command]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(spelt, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_ready(process, port)
            yield process.pid, port
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def wait_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Ask until the server is ready."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=1):
                return
        except (OSError, urllib.error.URLError):
            if process.poll() is not None:
                raise SystemExit(f"{process.args} ended") from None
            time.sleep(0.1)
    raise SystemExit("the server does not get ready")


def cpu_seconds(process: int) -> float:
    """CPU time of a process and all that came from it."""
    return sum(own_seconds(pid) for pid in tree(process))


def tree(process: int) -> Iterator[int]:
    """Give a process and its descendants."""
    yield process
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from tree(int(child))


def own_seconds(process: int) -> float:
    """CPU time of a process's threads, in nanosecond steps where the system has them."""
    total = 0
    for task in Path(f"/proc/{process}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


if __name__ == "__main__":
    main()
