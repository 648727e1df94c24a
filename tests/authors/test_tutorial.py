"""The tutorial, block by block, in an environment of its own."""

import ast
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "write_a_plugin.md").read_text(encoding="utf-8")
#: A block, and the paragraph before it, which ends with the name of a file where the block is one.
BLOCK = re.compile(r"(?P<before>[^\n]*\n(?:[^\n]+\n)*)\n```(?P<language>\w+)\n(?P<code>.*?)```", re.DOTALL)
FILE = re.compile(r"`([\w/.]+\.(?:py|toml))`(?:\. It says[^:]*| *):?[^`]*:\s*\Z")
NUMBER = re.compile(r"\d\.\d+")
#: These run the suite, which takes a while.
LONG = ("unbraid check", "python -m pytest")
THREADS = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "PYTHONWARNINGS": "ignore"}


@dataclass(frozen=True)
class Block:
    language: str
    code: str
    #: Where it goes, of a file.
    file: str | None


def blocks() -> list[Block]:
    found = []
    for match in BLOCK.finditer(TEXT):
        file = FILE.search(match["before"])
        found.append(Block(match["language"], match["code"], file and file[1]))
    return found


class Reader:
    """Does what the tutorial says, in a folder."""

    def __init__(self, scratch, folder: Path) -> None:
        self.scratch, self.folder = scratch, folder

    def do(self, block: Block) -> str:
        if block.file:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code)
            return ""
        if block.language == "python":
            return self.run([str(self.scratch.python), "-c", block.code])
        assert block.language == "sh"
        return "".join(self.run(self.command(line)) for line in block.code.splitlines())

    def command(self, line: str) -> list[str]:
        program, *args = shlex.split(line)
        if program == "pip":
            offline = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
            return [sys.executable, "-m", "pip", "--python", str(self.scratch.python), *args[:1], *offline, *args[1:]]
        modules = {"unbraid": ["-m", "unbraid"], "python": []}
        return [str(self.scratch.python), *modules[program], *args]

    def run(self, command: list[str]) -> str:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("UNBRAID_", "PYTHON"))} | THREADS
        done = subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout


def follow(reader: Reader, *, long: bool) -> dict[str, str]:
    """Do every block in turn; what a `text` block says must be what the block before it printed."""
    printed, outputs = "", {}
    for block in blocks():
        if block.language == "text":
            assert NUMBER.sub("#", printed) == NUMBER.sub("#", block.code)
            for found, said in zip(NUMBER.findall(printed), NUMBER.findall(block.code), strict=True):
                assert abs(float(found) - float(said)) <= 0.02
        elif long or not block.code.startswith(LONG):
            printed = outputs[block.code] = reader.do(block)
    return outputs


def check_outcome(outputs: dict[str, str], folder: Path) -> None:
    assert "my-pisco" in next(said for code, said in outputs.items() if "unbraid list" in code)
    assert {"my-head", "my-bundle", "dist"} <= {path.name for path in folder.iterdir()}
    assert list((folder / "dist").glob("*.whl"))


def test_a_reader_gets_there(make_scratch_env, tmp_path):
    check_outcome(follow(Reader(make_scratch_env(), tmp_path), long=False), tmp_path)


@pytest.mark.slow
def test_what_the_reader_wrote_passes_the_suite(make_scratch_env, tmp_path):
    outputs = follow(Reader(make_scratch_env(), tmp_path), long=True)
    check_outcome(outputs, tmp_path)
    assert " passed" in next(said for code, said in outputs.items() if code.startswith("python -m pytest"))


def test_every_block_is_a_file_or_is_run():
    found = blocks()
    assert len(found) == TEXT.count("\n```") // 2
    assert [block.file for block in found if block.file] == [
        "pyproject.toml",
        "src/my_pisco/manifest.py",
        "src/my_pisco/model.py",
        "tests/test_contract.py",
    ]


def test_it_is_short():
    """Lines of code of the plug-in itself, without blank ones and docstrings."""
    written = [block.code for block in blocks() if block.file and block.file.startswith("src/")]
    assert sum(lines_of_code(code) for code in written) < 60


def lines_of_code(code: str) -> int:
    tree = ast.parse(code)
    owners = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    documented = [node.body[0] for node in owners if ast.get_docstring(node) is not None]
    left_out = {row for node in documented for row in range(node.lineno, (node.end_lineno or 0) + 1)}
    rows = enumerate(code.splitlines(), start=1)
    return sum(bool(line.strip()) and row not in left_out for row, line in rows)


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT)
    assert links and [link for link in links if not (DOCS / link).exists()] == []
