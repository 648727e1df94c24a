"""The examples and the template are written as third parties would: with the names the tutorial lists, and no other."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from unbraid.registry.new_plugin import KINDS, NewPlugin

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "examples" / "plugins").rglob("*.py"))
TUTORIAL = (ROOT / "docs" / "write_a_plugin.md").read_text(encoding="utf-8")
#: The modules in the tutorial's table.
PUBLIC = re.findall(r"^\| `(unbraid[\w.]*)` \|", TUTORIAL, re.MULTILINE)


def private_names(code: str) -> Iterator[str]:
    """Give every import of Unbraid, and every attribute of `unbraid` itself, that no public module exports."""
    exported = {module: set(importlib.import_module(module).__all__) for module in PUBLIC}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("unbraid."):
            names = (alias.name for alias in node.names)
            yield from (f"{node.module}.{name}" for name in names if name not in exported.get(str(node.module), ()))
        elif isinstance(node, ast.Import):
            names = (alias.name for alias in node.names)
            yield from (name for name in names if f"{name}.".startswith("unbraid.") and name not in PUBLIC)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "unbraid":
            yield from () if node.attr in exported["unbraid"] else (f"unbraid.{node.attr}",)


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 12 and "unbraid" in PUBLIC and "unbraid.core.nn" in PUBLIC
    code = "from unbraid.core.training import fit\nimport unbraid.core.errors\nimport unbraid\nunbraid.core"
    assert len(list(private_names(code))) == 3


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_examples_use_public_names(path: Path) -> None:
    assert list(private_names(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_templates_use_public_names(kind) -> None:
    for name, text in NewPlugin(name="mine", kind=kind).files().items():
        assert not name.endswith(".py") or list(private_names(text)) == [], name


def test_the_tutorial_uses_public_names() -> None:
    for code in re.findall(r"```python\n(.*?)```", TUTORIAL, re.DOTALL):
        assert list(private_names(code)) == []
