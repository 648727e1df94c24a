"""A server where torch is not installed, and the list of what it needs."""

import re
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import httpx
import pytest

LIST = Path(__file__).parents[2] / "deploy" / "serve" / "requirements.txt"
#: Runs `unbraid serve` with torch unimportable; at the end it tells which packages were imported.
CODE = """
import atexit, json, sys, time
begun = time.monotonic()

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "timm"):
            raise ImportError(f"{name} is not for this process")

sys.meta_path.insert(0, NoTorch())

def tell():
    names = sorted({name.split(".")[0] for name, module in sys.modules.items() if module is not None})
    print(json.dumps({"event": "imported", "names": names, "cpu": time.process_time()}), file=sys.stderr)

atexit.register(tell)
from unbraid.__main__ import main
sys.exit(main())
"""


def listed() -> set[str]:
    lines = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    return {plain(line) for line in lines}


def plain(requirement: str) -> str:
    """The name in a requirement, spelt one way."""
    return re.split(r"[<>=!~\[; (]", requirement)[0].lower().replace("_", "-")


def closure(names: set[str]) -> set[str]:
    """The distributions and what they need, without extras."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        needs = {plain(need) for need in requires(name) or [] if "extra ==" not in need}
        waiting |= {need for need in needs if installed(need)} - found
    return found


def installed(name: str) -> bool:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


@pytest.fixture(scope="module")
def ended(letters, serve, images):
    """A server that answered a few requests and ended."""
    served = serve(str(letters), code=CODE)
    with httpx.Client(base_url=served.url) as client:
        tensors = [{"name": "image", "datatype": "FP32", "shape": [3, 1, 8, 8], "data": images.ravel().tolist()}]
        assert client.post("/v2/models/reconstruct/infer", json={"inputs": tensors}).status_code == 200
        assert client.get("/metrics").status_code == client.get("/openapi.json").status_code == 200
    assert served.stop() == 0
    return served


@pytest.fixture(scope="module")
def images():
    import numpy as np

    return np.random.default_rng(0).random((3, 1, 8, 8), np.float32)


def test_it_serves_and_imports_no_torch(ended):
    (event,) = ended.events("imported")
    assert not {"torch", "torchvision", "timm", "sklearn", "matplotlib"} & set(event["names"])


def test_it_is_ready_soon(ended):
    """Seconds of CPU, which a busy machine does not stretch as it does those on the clock."""
    assert ended.events("imported")[0]["cpu"] < 6


def test_everything_it_imports_is_on_the_list(ended):
    known = closure(listed())
    owners = packages_distributions()
    imported = ended.events("imported")[0]["names"]
    missing = {name: owners[name] for name in imported if name in owners and not set(map(plain, owners[name])) & known}
    missing.pop("unbraid", None)
    # tools of this environment that start with every interpreter
    assert {name for name in missing if not name.startswith(("_", "distutils"))} == set()


def test_everything_on_the_list_is_a_requirement_of_the_project():
    ours = {plain(need) for need in requires("unbraid") or []}
    assert listed() <= ours
