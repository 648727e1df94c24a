"""The files of `deploy/` against what they deploy: a bundle, the command line, a live server, Ray."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml

from unbraid.core.cli.serve import command
from unbraid.core.errors import ConfigError, MissingDependencyError
from unbraid.core.server.ray_serve import application

DEPLOY = Path(__file__).parents[2] / "deploy"


def read(name: str) -> dict:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["kserve/triton.yaml", "kserve/unbraid.yaml"])
def test_kserve_manifests_are_inference_services(name: str) -> None:
    service = read(name)
    assert (service["apiVersion"], service["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert set(service) == {"apiVersion", "kind", "metadata", "spec"} and set(service["spec"]) == {"predictor"}


def test_triton_is_given_the_folder_that_is_a_model_repository(letters: Path) -> None:
    model = read("kserve/triton.yaml")["spec"]["predictor"]["model"]
    assert (model["modelFormat"]["name"], model["protocolVersion"]) == ("triton", "v2")
    repository = letters / Path(model["storageUri"]).name
    for folder in repository.iterdir():
        assert (folder / "config.pbtxt").is_file() and (folder / "1").is_dir(), folder


def test_the_container_is_called_as_the_command_line_understands(http: httpx.Client) -> None:
    predictor = read("kserve/unbraid.yaml")["spec"]["predictor"]
    (container,) = predictor["containers"]
    name, *arguments = container["args"]
    parsed = command.make_context(name, list(arguments)).params
    assert name == "serve" and parsed["host"] == "0.0.0.0" and not parsed["insecure"]
    port = parsed["port"]
    probe = container["readinessProbe"]["httpGet"]
    assert [each["containerPort"] for each in container["ports"]] == [port] and probe["port"] == port
    assert http.get(probe["path"]).status_code == 200
    folder = Path(parsed["bundles"][0].partition("=")[2])
    (mount,) = container["volumeMounts"]
    assert folder.is_relative_to(mount["mountPath"])
    assert mount["name"] in {volume["name"] for volume in predictor["volumes"]}


def test_ray_is_given_an_application_that_is_there() -> None:
    (stated,) = read("ray/letters.yaml")["applications"]
    module, _, name = stated["import_path"].partition(":")
    assert getattr(importlib.import_module(module), name) is application
    assert [deployment["name"] for deployment in stated["deployments"]] == ["unbraid"]


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray Serve is installed")
def test_without_ray_the_error_says_what_to_install(letters: Path) -> None:
    with pytest.raises(MissingDependencyError, match=r"pip install 'unbraid\[ray\]'"):
        application({"letters": str(letters), "insecure": "1"})


def test_ray_is_not_started_for_strangers(letters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNBRAID_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="insecure"):
        application({"letters": str(letters)})
    with pytest.raises(ConfigError, match="nothing to serve"):
        application({"insecure": "1"})


CLIENT = """
import sys
import httpx, numpy, ray, yaml
from ray import serve
from ray.serve.schema import ServeDeploySchema
from unbraid.core.server.ray_serve import application

ServeDeploySchema.model_validate(yaml.safe_load(open(sys.argv[6])))
token = {"authorization": "Bearer " + sys.argv[2]}
ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[3])})
serve.run(application({"letters": sys.argv[1]}), logging_config={"enable_access_log": False})
url = f"http://127.0.0.1:{sys.argv[3]}/v2/models/encode/infer"
x = numpy.load(sys.argv[4])
body = {"inputs": [{"name": "image", "shape": list(x.shape), "datatype": "FP32", "data": x.ravel().tolist()}]}
assert httpx.post(url, json=body, timeout=60).status_code == 401
answer = httpx.post(url, json=body, headers=token, timeout=60).raise_for_status().json()
numpy.savez(sys.argv[5], **{each["name"]: numpy.array(each["data"], "f4") for each in answer["outputs"]})
serve.shutdown()
ray.shutdown()
"""


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray Serve is not installed (extra `ray`)")
@pytest.mark.slow
def test_ray_gives_the_numbers_of_the_bundle(letters: Path, bundle, images, tmp_path: Path) -> None:
    secret = "a-token-for-this-test"
    np.save(tmp_path / "x.npy", images)
    arguments = [str(letters), secret, "18437", str(tmp_path / "x.npy"), str(tmp_path / "y.npz")]
    arguments.append(str(DEPLOY / "ray" / "letters.yaml"))
    environment = {**os.environ, "UNBRAID_TOKEN": secret, "RAY_USAGE_STATS_ENABLED": "0"}
    subprocess.run([sys.executable, "-c", CLIENT, *arguments], env=environment, check=True, timeout=300)
    expected = bundle.run("encode", {"image": images})
    with np.load(tmp_path / "y.npz") as found:
        assert set(found.files) == set(expected)
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array.ravel(), rtol=0, atol=1e-5)
