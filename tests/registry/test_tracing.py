"""Authors can see what their plug-in is asked and what it answers."""

from types import ModuleType

import pytest

from unbraid.registry import DatasetSpec, PluginLoadWarning, Registry, hookimpl

SPEC = DatasetSpec(name="dots", target="nowhere:dots", summary="Dots.")


def plugin(name: str, **hooks: object) -> ModuleType:
    module = ModuleType(name)
    for hook, function in hooks.items():
        vars(module)[hook] = function
    return module


@hookimpl
def unbraid_datasets() -> object:
    yield SPEC


@hookimpl
def unbraid_adapt(model: object) -> object | None:
    return None


def test_hooks_arguments_and_results_are_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNBRAID_TRACE_PLUGINS", "1")
    registry = Registry([plugin("dots", unbraid_datasets=unbraid_datasets, unbraid_adapt=unbraid_adapt)])
    assert registry.datasets()["dots"].spec == SPEC, "the answer is the same"
    registry.adapt([1], None)
    written = capsys.readouterr().err.splitlines()
    assert written[0].startswith("unbraid: unbraid_datasets() of local:dots gave [DatasetSpec(name='dots'")
    assert written[1] == "unbraid: unbraid_adapt(model=[1]) of local:dots gave None"


def test_what_a_hook_raises_is_written_and_still_raised(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @hookimpl
    def unbraid_datasets() -> object:
        raise RuntimeError("no dots today")

    monkeypatch.setenv("UNBRAID_TRACE_PLUGINS", "1")
    with pytest.warns(PluginLoadWarning, match="no dots today"):
        Registry([plugin("dots", unbraid_datasets=unbraid_datasets)])
    assert "unbraid_datasets() of local:dots raised RuntimeError: no dots today" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["", "0", "no"])
def test_nothing_is_written_unless_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    monkeypatch.setenv("UNBRAID_TRACE_PLUGINS", value)
    Registry([plugin("dots", unbraid_datasets=unbraid_datasets)])
    assert capsys.readouterr().err == ""
