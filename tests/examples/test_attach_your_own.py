import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

EXAMPLE = Path(__file__).parents[2] / "examples" / "attach_your_own.py"

needs_data = pytest.mark.skipif("UNBRAID_DATA" not in os.environ, reason="UNBRAID_DATA is not set: no real weights")


@pytest.fixture(scope="module")
def example():
    return runpy.run_path(str(EXAMPLE))


@pytest.fixture(scope="module")
def data():
    return Path(os.environ["UNBRAID_DATA"])


@needs_data
def test_published_vae_rebuilds_test_digits_as_well_as_was_measured_elsewhere(example, data):
    backbone, dataset = example["frozen_vae"](data), example["digits_by_writer"](data)
    images = torch.from_numpy(dataset.images[:2000]).float() / 255
    with torch.no_grad():
        found = (backbone.decode(backbone.encode(images)) - images).square().mean((1, 2, 3))
    # 0.0069 was measured on 200 digits: so many give the mean up to three of these standard errors
    assert abs(found.mean() - 0.0069) <= 3 * found.std() / 200**0.5
    assert backbone.info.latent.shape == (10,) and backbone.info.latent.stochastic


@needs_data
def test_writers_are_those_of_the_test_set(example, data):
    dataset = example["digits_by_writer"](data)
    assert dataset.images.shape == (10_000, 1, 32, 32)
    assert dataset.style.count == 297
    # the first digits of the official test set
    assert dataset.labels["content"][:5].tolist() == [7, 2, 1, 0, 4]


@needs_data
@pytest.mark.slow
def test_runs(tmp_path):
    code = f"import runpy; runpy.run_path({str(EXAMPLE)!r})['main'](steps=20)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=300, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "identity" in done.stdout and "style" in done.stdout


def test_says_what_is_missing():
    env = {name: value for name, value in os.environ.items() if name != "UNBRAID_DATA"}
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=120, env=env, check=False
    )
    assert done.returncode == 1
    assert "UNBRAID_DATA" in done.stderr and "Traceback" not in done.stderr
