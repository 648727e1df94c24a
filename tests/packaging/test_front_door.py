"""`import unbraid`: what it exports and what it costs."""

import ast
import importlib
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import unbraid

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "unbraid" / "__init__.py"
HEAVY = ("torch", "torchvision", "timm", "diffusers", "onnx", "onnxruntime", "sklearn", "matplotlib", "numpy")
BUILT_IN = {point.value for point in entry_points(group="unbraid") if point.dist and point.dist.name == "unbraid"}


def typed() -> dict[str, str]:
    """Name -> module, as type checkers read it."""
    (branch,) = [node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If)]
    imports = [node for node in branch.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def loaded_by(code: str) -> list[str]:
    """Which heavy packages some code imports in a fresh process."""
    code += f"\nimport sys; print('LOADED', *({set(HEAVY)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split()[1:]


def test_type_checkers_and_users_see_the_same_names() -> None:
    assert typed() == vars(unbraid)["_HOMES"]


def test_all_is_sorted_and_complete() -> None:
    assert unbraid.__all__ == sorted({*typed(), "__version__"})
    assert set(unbraid.__all__) <= set(dir(unbraid))


@pytest.mark.parametrize("name", sorted(typed()))
def test_each_name_is_there(name: str) -> None:
    assert getattr(unbraid, name) is getattr(importlib.import_module(typed()[name]), name)


def test_the_version_is_that_of_the_distribution() -> None:
    assert unbraid.__version__ == version("unbraid")


def test_a_misspelt_name_gets_near_matches() -> None:
    with pytest.raises(AttributeError, match="did you mean 'attach'"):
        _ = unbraid.atach  # type: ignore[attr-defined]
    assert not hasattr(unbraid, "zzz")


@pytest.mark.parametrize(
    "code",
    [
        "import unbraid; unbraid.__version__; dir(unbraid)",
        "import unbraid.testing",
        "from unbraid.__main__ import main; main(['--help'])",
        "from unbraid.__main__ import main; main(['--version'])",
        "from unbraid.__main__ import main; main(['list'])",
        "from unbraid.__main__ import main; main(['list', 'methods', '--json'])",
        "from unbraid.__main__ import main; main(['plugins'])",
        "from unbraid.__main__ import main; main(['fitt'])",
    ],
)
def test_what_must_be_instant_imports_nothing_heavy(code: str) -> None:
    assert loaded_by(code) == []


def test_the_table_of_built_ins_is_installed() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert all(f'"{value}"' in text for value in BUILT_IN) and BUILT_IN, "run `pip install -e .` again"


@pytest.mark.parametrize("manifest", sorted(BUILT_IN))
def test_each_built_in_manifest_is_light(manifest: str) -> None:
    assert loaded_by(f"import {manifest}") == []
