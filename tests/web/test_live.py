"""The same page beside `unbraid serve`: graphs run there."""

import os
import subprocess
import sys
from collections.abc import Iterator
from json import loads
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from page_visit import Visit
from safetensors.numpy import load_file

from unbraid.core.web.assets import page_files

TOKEN = "a-token-of-some-length"


def serving(*arguments: str, token: str = "") -> Iterator[str]:
    """Run a server; gives its address."""
    command = [sys.executable, "-m", "unbraid", "serve", *arguments, "--port", "0"]
    environment = {**os.environ, "UNBRAID_TOKEN": token} if token else os.environ
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("{") and (event := loads(line))["event"] == "listening":
                break
        else:
            raise AssertionError("the server did not start")
        yield f"{event['url']}/"
        process.terminate()
        rest = process.stderr.read()
    assert process.returncode == 0 and '"failure"' not in rest


@pytest.fixture(scope="module")
def live(page: Path) -> Iterator[str]:
    yield from serving(str(page / "bundle"))


@pytest.fixture(scope="module")
def guarded(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with two bundles and a token."""
    yield from serving(f"letters={page / 'bundle'}", f"again={page / 'bundle'}", token=TOKEN)


@pytest.fixture(scope="module")
def samples(bundle: Any) -> np.ndarray:
    return load_file(bundle.path / "samples" / "in.safetensors")["encode.image"]


def swaps_are_right(visit: Visit, bundle: Any, a: np.ndarray, b: np.ndarray) -> None:
    visit.shows("#swap-AB", bundle.transfer(content=a[np.newaxis], style=b[np.newaxis])[0])
    visit.shows("#swap-BA", bundle.transfer(content=b[np.newaxis], style=a[np.newaxis])[0])


@pytest.mark.slow
def test_the_page_is_the_same_and_the_server_computes(
    browser: Any, live: str, bundle: Any, samples: np.ndarray
) -> None:
    visit = Visit(browser, live).ready()
    assert "on the server" in visit.page.locator("#privacy").inner_text()
    visit.page.get_by_role("button", name="Sample 5 as picture A").click()
    visit.page.get_by_role("button", name="Sample 7 as picture B").click()
    swaps_are_right(visit, bundle, samples[4], samples[6])
    visit.page.get_by_label("Style", exact=True).fill("25")
    grid = bundle.interpolate(samples[4], samples[6], steps=5)
    visit.shows("#mix", grid[2, 1, 0])
    assert not any("runtime" in url or "onnx" in url for url in visit.requests)
    visit.close()


@pytest.mark.slow
def test_the_server_gives_the_page_the_numbers_of_python(browser: Any, live: str, bundle: Any) -> None:
    visit = Visit(browser, live).ready()
    images = np.random.default_rng(0).random((3, 1, 28, 28), np.float32)
    script = """async (data) => {
        const { serverEngine } = await import("./engines/server.js");
        const { get } = await import("./access.js");
        const engine = serverEngine(get, new URL(".", location.href), "");
        const given = {image: {shape: [3, 1, 28, 28], data: Float32Array.from(data)}};
        const { latent } = await engine.run("encode", given);
        const factors = await engine.run("disentangle", { latent });
        return [latent, ...Object.values(factors)].map(({ data, shape }) => ({ data: [...data], shape }));
    }"""
    found = visit.page.evaluate(script, images.ravel().tolist())
    expected = [bundle.encode(images), *bundle.disentangle(images).values()]
    for tensor, value in zip(found, expected, strict=True):
        array = np.array(tensor["data"]).reshape(tensor["shape"])
        assert np.abs(array - value).max() <= 1e-5 * max(1, np.abs(value).max())
    visit.close()


@pytest.mark.slow
def test_a_token_is_asked_for_and_a_bundle_chosen(browser: Any, guarded: str, bundle: Any, samples: np.ndarray) -> None:
    visit = Visit(browser, guarded)
    for token in ("not-the-right-token", TOKEN):
        visit.page.get_by_label("This server asks for a token").fill(token)
        visit.page.keyboard.press("Enter")
    visit.ready()
    swaps_are_right(visit, bundle, samples[0], samples[1])
    visit.page.get_by_label("Bundle").select_option("again")
    visit.page.wait_for_url("**/?bundle=again")
    visit.page.get_by_label("This server asks for a token").fill(TOKEN)
    visit.page.keyboard.press("Enter")
    visit.ready()
    swaps_are_right(visit, bundle, samples[0], samples[1])
    assert any("again-encode/infer" in url for url in visit.requests)
    assert all("401" in problem for problem in visit.problems)
    visit.problems.clear()
    visit.close()


@pytest.mark.slow
def test_without_the_token_the_page_tells_nothing(guarded: str) -> None:
    with httpx.Client(base_url=guarded) as client:
        front = client.get("/", headers={"accept": "text/html"})
        assert front.status_code == 200 and front.content == page_files()["index.html"]
        for name, data in page_files().items():
            answer = client.get(f"/{name}")
            assert answer.content == data and "no-cache" in answer.headers["cache-control"], name
        for path in ("/", "/page.json", "/bundles/letters/manifest.json", "/bundles/letters/samples/in.safetensors"):
            assert client.get(path).status_code == 401, path
        twice = [("accept", "*/*"), ("accept", "text/html")]
        assert client.get("/", headers=twice).content == page_files()["index.html"]
        client.headers["authorization"] = f"Bearer {TOKEN}"
        assert client.get("/").headers["content-type"].startswith("text/plain")
        names = [place["name"] for place in client.get("/page.json").json()["bundles"]]
        assert names == ["letters", "again"]


@pytest.mark.slow
def test_a_server_that_went_away_is_said(browser: Any, page: Path) -> None:
    server = serving(str(page / "bundle"))
    visit = Visit(browser, next(server)).ready()
    with pytest.raises(StopIteration):
        next(server)
    visit.page.get_by_label("Style", exact=True).fill("0")
    visit.page.get_by_role("alert").filter(has_text="the server does not answer").wait_for()
    visit.page.close()
