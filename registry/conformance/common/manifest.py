"""The manifest: what `unbraid list` shows, and what it costs."""

import inspect
import subprocess
import sys
from functools import cache
from types import ModuleType

from torch import nn

from unbraid.core.config import build_config
from unbraid.core.interfaces import Disentangler
from unbraid.registry import import_target
from unbraid.registry.conformance.case import PluginCase
from unbraid.registry.conformance.check import KINDS, Failure, Skip, check, require
from unbraid.registry.loading import HEAVY

#: Longest a manifest may take to import, in seconds; `unbraid list` names slower ones.
PATIENCE = 0.2
#: A busy machine may make one import slow, hardly three.
TRIES = 3

_IMPORT = """
import sys, time
sys.path[:] = {path!r}
import unbraid.registry  # every command has imported it by then
begun = time.perf_counter()
import {module}
print(time.perf_counter() - begun, *sorted(set({heavy!r}) & set(sys.modules)))
"""


@check("manifest", *KINDS, once=True)
def light(case: PluginCase) -> None:
    """Importing the manifest imports no torch, timm, diffusers or onnxruntime, and takes less than 200 ms.

    Breaks: every command of every user waits for it, `unbraid --help` included.

    Mend: name the implementation by a dotted string in the spec, and import nothing of it in the manifest.
    """
    seconds, heavy = _import(_manifest(case).__name__)
    require(not heavy, "the manifest imports what is heavy", expected="none", found=", ".join(heavy))
    require(seconds < PATIENCE, "the manifest is slow", expected=f"< {PATIENCE} s", found=f"{seconds:.2f} s")


@check("manifest", *KINDS, once=True)
def targets(case: PluginCase) -> None:
    """The target and every other dotted string of the spec lead to something of the right kind.

    Breaks: the plug-in is listed, and fails with an import error when somebody uses it for the first time.

    Mend: correct the dotted string, `package.module:attribute`; a method is a subclass of `Disentangler`, all else is
    callable.
    """
    found = case.target
    require(callable(found), "the target cannot be called", expected="a class or function", found=repr(found))
    if case.kind == "method":
        right = isinstance(found, type) and issubclass(found, Disentangler)
        require(right, "the target is no method", expected="a subclass of unbraid.Disentangler", found=repr(found))
    for name in ("config", "pretrain", "pretrain_config", "convert"):
        if getattr(case.spec, name, None) is not None:
            import_target(case.entry, getattr(case.spec, name))


@check("manifest", *KINDS, once=True)
def described(case: PluginCase) -> None:
    """The spec has a summary of one line, and a reference or a licence.

    Breaks: nobody can tell from `unbraid list` what it is, where it comes from, or whether they may use it.

    Mend: fill in `summary`, `reference` and `licence` of the spec.
    """
    _manifest(case)
    summary = case.spec.summary
    require(
        summary.strip() and len(summary) <= 140 and "\n" not in summary,
        "the summary is no line of a table",
        expected="1 to 140 characters, one line",
        found=f"{len(summary)} characters",
    )
    if case.kind == "method":
        require(
            case.spec.reference or case.spec.licence, "nothing says where it comes from", expected="one", found="none"
        )


@check("manifest", "method", once=True)
def presets(case: PluginCase) -> None:
    """Every preset makes a configuration.

    Breaks: `preset="paper"` is offered and refused; nobody tries the presets the author does not use.

    Mend: make names and values of the preset those of the config's fields.
    """
    if not case.spec.presets:
        raise Skip("declares no presets")
    if case.spec.config is None:
        raise Failure("there are presets and nothing to set", expected="config=", found=", ".join(case.spec.presets))
    for name, values in case.spec.presets.items():
        build_config(import_target(case.entry, case.spec.config), values, where=f"preset {name}")


@check("manifest", *KINDS, once=True)
def documented(case: PluginCase) -> None:
    """The target has a docstring.

    Breaks: `help()`, editors and the page of the plug-in have nothing to say about it.

    Mend: write one sentence that says what it does, then shapes, ranges and errors.
    """
    if not isinstance(case.subject, str) and case.kind != "method":
        raise Skip("was handed over")
    text = inspect.getdoc(case.target) or ""
    inherited = isinstance(case.target, type) and case.target.__doc__ in (None, Disentangler.__doc__, nn.Module.__doc__)
    require(text.strip() and not inherited, "the target has no docstring", expected="one", found="none")


def _manifest(case: PluginCase) -> ModuleType:
    if not isinstance(case.subject, str):
        raise Skip("was handed over, and has no manifest")
    for manifest in case.registry.manifests:
        mine = (manifest.name, manifest.distribution) == (case.entry.plugin, case.entry.distribution)
        if mine and isinstance(manifest.module, ModuleType):
            return manifest.module
    raise Skip("its manifest is no module")


@cache
def _import(module: str) -> tuple[float, list[str]]:
    """Import a module in a fresh process: seconds of the fastest try, and what heavy things came along."""
    code = _IMPORT.format(path=sys.path, module=module, heavy=HEAVY)
    fastest, heavy = float("inf"), [""]
    for _ in range(TRIES):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
        require(done.returncode == 0, "the manifest cannot be imported", expected="no error", found=done.stderr)
        seconds, *heavy = done.stdout.splitlines()[-1].split()
        fastest = min(fastest, float(seconds))
        if fastest < PATIENCE:
            break
    return fastest, heavy
