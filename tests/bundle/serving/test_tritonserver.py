"""The real Triton server reads the bundle as its model repository, and gives what the bundle gives.

The server comes in the wheel `nvidia-pytriton`, with the python backend only; a model of that backend runs the ONNX
files in place of `onnxruntime`. All else in the configurations is served as it was written.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

pytestmark = pytest.mark.slow

STAND_IN = Path(__file__).with_name("triton_stand_in.py")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Where the wheel is installed: a place of its own, since it wants an old numpy."""
    if sys.platform != "linux" or sysconfig.get_config_var("Py_ENABLE_SHARED") != 1:
        pytest.skip("the server's python backend needs Linux and a shared libpython")
    folder = tmp_path_factory.mktemp("triton")
    _install(folder, "--no-deps", "nvidia-pytriton")
    return folder / "pytriton" / "tritonserver"


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """What the stand-in imports: the stub was built for the numpy before 2 and takes arrays of later ones for empty."""
    folder = tmp_path_factory.mktemp("packages")
    _install(folder, "numpy<2", "onnxruntime")
    return folder


def _install(folder, *what):
    install = ["install", "--quiet", "--only-binary=:all:", "--target", str(folder), *what]
    done = subprocess.run([sys.executable, "-m", "pip", *install], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{what[-1]} cannot be installed: {done.stderr.strip()[-300:]}")


@pytest.fixture(scope="module")
def backends(wheel):
    """The python backend with the stub for this Python beside it."""
    stub = wheel / "python_backend_stubs" / f"3.{sys.version_info.minor}" / "triton_python_backend_stub"
    if not stub.exists():
        pytest.skip(f"nvidia-pytriton brings no stub for Python 3.{sys.version_info.minor}")
    shutil.copy2(stub, wheel / "backends" / "python")
    (wheel / "backends" / "python" / stub.name).chmod(0o755)
    return wheel / "backends"


@pytest.fixture(scope="module")
def repository(exported, packages, tmp_path_factory):
    folder = shutil.copytree(exported.folder / "models", tmp_path_factory.mktemp("repository") / "models")
    # The stub reads no PYTHONPATH.
    stand_in = f"import sys\n\nsys.path.insert(0, {str(packages)!r})\n{STAND_IN.read_text()}"
    for name in exported.report.graphs:
        config = folder / name / "config.pbtxt"
        text = config.read_text()
        for ours, theirs in (('"onnxruntime"', '"python"'), ('"model.onnx"', '"model.py"')):
            assert text.count(ours) == 1
            text = text.replace(ours, theirs)
        config.write_text(text)
        (folder / name / "1" / "model.py").write_text(stand_in)
    misspelt = shutil.copytree(folder / "encode", folder / "misspelt") / "config.pbtxt"
    misspelt.write_text(
        misspelt.read_text().replace('"encode"', '"misspelt"').replace("max_batch_size", "max_batchsize")
    )
    return folder


@pytest.fixture(scope="module")
def server(wheel, backends, repository, tmp_path_factory):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = {
        "model-repository": repository,
        "backend-directory": backends,
        "http-address": "127.0.0.1",
        "http-port": port,
        "allow-grpc": "false",
        "allow-metrics": "false",
        "exit-on-error": "false",
        "strict-readiness": "false",
    }
    # The stub needs the libpython and the standard library of one and the same Python.
    places = {"LD_LIBRARY_PATH": sysconfig.get_config_var("LIBDIR"), "PYTHONHOME": sys.base_prefix}
    environment = {**os.environ, **places}
    log = tmp_path_factory.mktemp("log") / "server.log"
    complete = "--disable-auto-complete-config"  # what is served is what was written
    command = [
        str(wheel / "bin" / "tritonserver"),
        complete,
        *(f"--{name}={value}" for name, value in arguments.items()),
    ]
    os.chmod(command[0], 0o755)
    with open(log, "wb") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        _await(f"http://127.0.0.1:{port}/v2/health/live", process, log)
        yield f"http://127.0.0.1:{port}/v2", log
    finally:
        process.terminate()
        process.wait(60)


def _await(address, process, log):
    until = time.monotonic() + 240
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")


def ask(address, value=None):
    data = None if value is None else json.dumps(value).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data), timeout=120) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        pytest.fail(f"{address}: {error.code} {error.read().decode()}")


def infer(address, name, inputs):
    tensors = [
        {"name": key, "datatype": "FP32", "shape": list(rows.shape), "data": rows.ravel().tolist()}
        for key, rows in inputs.items()
    ]
    found = ask(f"{address}/models/{name}/infer", {"inputs": tensors})
    return {each["name"]: np.array(each["data"], np.float32).reshape(each["shape"]) for each in found["outputs"]}


def rows_of(folder, side, graph):
    stored = load_file(folder / "samples" / f"{side}.safetensors")
    return {name.partition(".")[2]: rows for name, rows in stored.items() if name.startswith(f"{graph}.")}


def test_every_configuration_is_read_and_a_misspelt_one_is_refused(server, exported):
    address, log = server
    states = {model["name"]: model.get("state") for model in ask(f"{address}/repository/index", {})}
    assert {name: states[name] for name in (*exported.report.graphs, "factors")} == dict.fromkeys(
        (*exported.report.graphs, "factors"), "READY"
    )
    assert states.get("misspelt") != "READY"
    assert 'has no field named "max_batchsize"' in log.read_text()


def test_it_says_of_each_graph_what_the_manifest_says(server, exported):
    for name, graph in exported.report.graphs.items():
        found = ask(f"{server[0]}/models/{name}")
        for side, tensors in (("inputs", graph.inputs), ("outputs", graph.outputs)):
            stated = {tensor["name"]: tensor["shape"] for tensor in found[side]}
            assert stated == {tensor.name: [-1, *(tensor.shape or (1,))] for tensor in tensors}


def test_it_gives_the_samples_for_the_samples(server, exported):
    for name in exported.report.graphs:
        found = infer(server[0], name, rows_of(exported.folder, "in", name))
        stored = rows_of(exported.folder, "out", name)
        assert found.keys() == stored.keys()
        for output, rows in stored.items():
            gap = np.abs(found[output].reshape(rows.shape) - rows).max()
            assert gap <= 1e-5 * max(1.0, np.abs(rows).max()), f"{name} {output}"


def test_the_ensemble_leads_from_images_to_factors(server, exported):
    found = infer(server[0], "factors", rows_of(exported.folder, "in", "encode"))
    stored = rows_of(exported.folder, "out", "disentangle")
    assert found.keys() == stored.keys()
    for name, rows in stored.items():
        assert np.abs(found[name] - rows).max() <= 1e-5 * max(1.0, np.abs(rows).max())
