"""What the README says is so."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"\d+\.\d+")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_its_example_prints_what_it_says(tmp_path):
    """The same words, and numbers within what another processor's rounding can do to 300 steps of training."""
    done = subprocess.run(
        [sys.executable, "-c", block("python")], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr
    printed, said = done.stdout.strip(), block("text").strip()
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", said)
    for found, stated in zip(NUMBER.findall(printed), NUMBER.findall(said), strict=True):
        assert abs(float(found) - float(stated)) <= 3
    assert {"my-head", "my-bundle"} <= {path.name for path in tmp_path.iterdir()}


def test_its_example_is_short():
    assert len(block("python").strip().splitlines()) <= 12


def test_ci_runs_its_test_command():
    assert re.search(r"^\.venv/bin/python -m pytest( -\S.*)?$", README, re.MULTILINE)
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
