"""`unbraid.Client` gives what the bundle gives in process."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

import unbraid
from unbraid.core.errors import ConfigError, ImageError, RequestError, ServerError


@pytest.fixture(scope="module")
def client(server):
    with unbraid.Client(server.url) as client:
        yield client


def near(found, expected):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())


def test_every_verb(client, bundle, images):
    other = images[::-1].copy()
    latents = bundle.encode(images)
    near(client.encode(images), latents)
    near(client.decode(latents), bundle.decode(latents))
    factors = bundle.disentangle(images)
    for name, value in client.disentangle(images).items():
        near(value, factors[name])
    near(client.entangle(factors), bundle.entangle(factors))
    near(client.reconstruct(images), bundle.reconstruct(images))
    near(client.transfer(content=images, style=other), bundle.transfer(content=images, style=other))
    near(client.interpolate(images, other, 3), bundle.interpolate(images, other, 3))
    near(client.score(images, other), bundle.score(images, other))
    near(client.classify(images), bundle.classify(images))


def test_bytes_and_single_images_are_taken(client, bundle):
    pixels = np.random.default_rng(0).integers(0, 256, (1, 8, 8), np.uint8)
    near(client.encode(pixels), bundle.encode(pixels))


def test_few_shot_gives_labels_of_any_kind(client, images):
    assert client.few_shot(images, ["b", "a", "c"], images) == ["b", "a", "c"]


def test_pictures_in_are_pictures_out(client, bundle):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    picture = Image.fromarray(pixels)
    expected = (bundle.reconstruct(pixels[None, None])[0, 0] * 255).round()
    assert np.abs(np.asarray(client.reconstruct(picture)) - expected).max() <= 1
    assert [p.size for p in client.reconstruct([picture.convert("RGB"), picture])] == [(8, 8), (8, 8)]
    assert isinstance(client.transfer(content=picture, style=picture), Image.Image)
    assert client.interpolate(picture, picture, 2)[1][0][0].size == (8, 8)


def test_models_are_described(client, bundle):
    assert {*bundle.manifest.graphs} < {*client.models()}
    assert client.metadata("encode")["inputs"][0]["shape"] == [-1, 1, 8, 8]


def test_refusals_are_errors_with_the_words_of_the_server(client):
    with pytest.raises(RequestError, match="no such model") as refused:
        client.infer("nothing", {"x": np.zeros((1, 1), np.float32)})
    assert refused.value.status == 404
    with pytest.raises(RequestError, match="finite"):
        client.decode(np.full((1, 8), np.nan, np.float32))
    with pytest.raises(RequestError, match="'image' must have shape"):
        client.encode(np.zeros((1, 1, 9, 9), np.float32))


def test_what_is_no_image_is_said_before_anything_is_sent(client):
    for strange in ("a.png", None, 3, [1, 2], np.zeros((1, 1, 8, 8), int)):
        with pytest.raises(ImageError):
            client.encode(strange)


def test_nobody_there():
    with pytest.raises(ServerError, match="no answer") as error:
        unbraid.Client("http://127.0.0.1:9").models()
    assert error.value.exit_code == 1 and error.value.status == 0
    with pytest.raises(ConfigError):
        unbraid.Client("localhost:8000")


def test_threads_have_connections_of_their_own(client, bundle, images):
    found = [None] * 8

    def call(number):
        found[number] = client.encode(images)
        client.close()

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for latents in found:
        near(latents, bundle.encode(images))


def test_the_client_needs_no_torch_and_no_onnxruntime():
    code = """
import sys
sys.modules["torch"] = sys.modules["onnxruntime"] = sys.modules["PIL"] = None
import unbraid
unbraid.Client()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
