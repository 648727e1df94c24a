"""Every example of docs/serving.md runs, against a real server."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unbraid.core.server.limits import Limits

TEXT = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture
def pictures(tmp_path):
    for seed, name in enumerate(("a.png", "b.png")):
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    return tmp_path


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("number", range(len(blocks("sh"))))
def test_commands(server, pictures, number):
    script = blocks("sh")[number].replace("curl -s ", "curl -sf --show-error ")
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=pictures,
        env={**os.environ, "URL": server.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name in re.findall(r"-o (\S+)", script):
        with Image.open(pictures / name) as picture:
            assert picture.size[0] % 8 == 0


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_python(server, pictures, number):
    code = f"url = {server.url!r}\n" + blocks("python")[number]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=pictures, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    said = {0: "['hand', 'letter', 'remainder'] (8, 8) A", 1: "[1, 1, 8, 8]", 2: "8"}
    assert done.stdout.strip() == said[number]


def test_the_table_of_limits_is_complete():
    table = TEXT[TEXT.index("| limit |") :]
    named = set(re.findall(r"`(\w+)`", table[: table.index("\n\n")]))
    assert set(Limits.__slots__) - named == {"batch_rows"} and "`batch_rows`, 64" in TEXT


def test_its_links_lead_somewhere():
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT):
        assert (Path(__file__).parents[2] / "docs" / link).exists()
