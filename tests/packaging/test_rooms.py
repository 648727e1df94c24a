"""Who may import whom."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("core", "plugins", "adapters", "registry")

#: May import everything but plug-ins: it tests disentanglers and backbones for their authors.
CONFORMANCE = "unbraid.registry.conformance"

#: Run where torch is not installed.
SERVED = ("unbraid.core.serving", "unbraid.core.server", "unbraid.core.client")


def modules() -> Iterator[tuple[str, Path]]:
    """Every Python file of the rooms by its dotted name; the plug-in template is text, not code."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "template" not in parts:
                yield ".".join(("unbraid", *parts)).removesuffix(".__init__"), path


MODULES = dict(modules())


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively; write the whole name"
            # Both, since a name may be a sub-module: `from unbraid import plugins`.
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def home(module: str) -> str:
    """The folder of one plug-in or adapter."""
    parts = module.split(".")
    return ".".join(parts[: 3 if parts[1] == "plugins" else 4])


def forbidden(module: str, name: str) -> str | None:
    """Why a module may not import a name, or None where it may."""
    room = module.split(".")[1]
    root = name.split(".")[0]
    if root in ROOMS:
        return f"write unbraid.{name}"
    ours = root == "unbraid"
    if room == "registry" and not inside(module, CONFORMANCE):
        light = root in sys.stdlib_module_names or root == "pluggy"
        if not light and not inside(name, "unbraid.registry"):
            return "registry imports only the standard library and pluggy"
    elif room in ("core", "registry") and any(inside(name, f"unbraid.{other}") for other in ("plugins", "adapters")):
        return f"{room} names no plug-in and no adapter: it asks the registry"
    elif room in ("plugins", "adapters") and ours:
        allowed = ("unbraid.core", "unbraid.registry", home(module))
        if name != "unbraid" and not any(inside(name, package) for package in allowed):
            return "plug-ins and adapters import core, registry and themselves"
    if any(inside(module, light) for light in SERVED) and root in ("torch", "torchvision", "timm", "onnx"):
        return "serving needs no more than numpy and onnxruntime"
    return None


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_what_its_room_may(module: str) -> None:
    problems = {name: reason for name in imported(MODULES[module]) if (reason := forbidden(module, name))}
    assert problems == {}


@pytest.mark.parametrize("module", [name for name in MODULES if inside(name, "unbraid.core")])
def test_core_names_no_plugin_in_a_string(module: str) -> None:
    """A dotted string is an import in disguise."""
    strings = [
        node.value
        for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [text for text in strings if text.startswith(("unbraid.plugins.", "unbraid.adapters."))] == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("unbraid.registry.catalogue", "torch"),
        ("unbraid.registry.catalogue", "unbraid.core.errors"),
        ("unbraid.core.attached", "unbraid.plugins.fden.model"),
        ("unbraid.core.attached", "core.errors"),
        ("unbraid.core.serving.bundle", "torch"),
        ("unbraid.core.server.engine", "torch"),
        ("unbraid.plugins.fden.model", "unbraid.plugins.prototype.model"),
        ("unbraid.plugins.fden.model", "unbraid.adapters.backbones.vae"),
        ("unbraid.adapters.backbones.vae.adapter", "unbraid.adapters.backbones.ali"),
        ("unbraid.registry.conformance.frozen", "unbraid.plugins.fden"),
    ],
)
def test_the_rules_catch_what_they_should(module: str, name: str) -> None:
    assert forbidden(module, name)


def test_serving_imports_no_torch_in_any_way() -> None:
    served = [name for name in MODULES if any(inside(name, light) for light in SERVED)]
    assert served
    code = f"""
import importlib, sys
for name in {served!r}:
    importlib.import_module(name)
print(*sorted({{"torch", "torchvision", "timm", "onnx"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == []
