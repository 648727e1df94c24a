"""Names, owners and failures, with plug-ins handed over rather than installed."""

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from unbraid.registry import (
    BackboneSpec,
    DisentanglerSpec,
    Manifest,
    PluginApiError,
    PluginClashError,
    PluginError,
    PluginLoadError,
    PluginLoadWarning,
    Registry,
    UnbraidError,
    UnknownNameError,
    get_registry,
    hookimpl,
    use_registry,
)


def method(name: str, **fields: Any) -> DisentanglerSpec:
    return DisentanglerSpec(name=name, target="somewhere:Something", summary=f"{name}.", **fields)


def plugin(name: str, distribution: str = "third", **hooks: Callable[..., Any]) -> Manifest:
    module = ModuleType(name)
    for hook, function in hooks.items():
        setattr(module, hook, hookimpl(function))
    return Manifest(name=name, module=module, distribution=distribution, version="1.0")


def methods(name: str, *specs: Any, distribution: str = "third") -> Manifest:
    return plugin(name, distribution, unbraid_disentanglers=lambda: specs)


def quiet(*plugins: Manifest) -> Registry:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginLoadWarning)
        return Registry(plugins)


def test_an_empty_registry_holds_nothing() -> None:
    registry = Registry.empty()
    kinds = (registry.disentanglers, registry.backbones, registry.datasets, registry.metrics, registry.trackers)
    assert [dict(kind()) for kind in kinds] == [{}] * 5
    with pytest.raises(UnknownNameError, match=r"unknown method 'fden'"):
        registry.resolve("method", "fden")


def test_an_entry_says_where_it_comes_from() -> None:
    entry = Registry([methods("first", method("one"))]).disentanglers()["one"]
    assert (entry.name, entry.plugin, entry.distribution, entry.version) == ("one", "first", "third", "1.0")
    assert entry.qualified_name == "third:one"


def test_kinds_do_not_share_names() -> None:
    backbone = BackboneSpec(name="one", target="somewhere:Something", summary="A backbone.")
    both = plugin("both", unbraid_disentanglers=lambda: [method("one")], unbraid_backbones=lambda: [backbone])
    registry = Registry([both])
    assert registry.resolve("backbone", "one").spec is backbone
    assert registry.resolve(DisentanglerSpec, "one").spec.kind == "method"


def test_a_bare_name_belongs_to_the_built_in() -> None:
    registry = Registry([methods("theirs", method("one")), methods("ours", method("one"), distribution="unbraid")])
    assert registry.resolve("method", "one").distribution == "unbraid"
    assert registry.resolve("method", "third:one").distribution == "third"
    assert list(registry.disentanglers()) == ["one", "third:one"]


def test_a_broken_built_in_keeps_its_name() -> None:
    registry = quiet(methods("one", method("one")), methods("one", "no spec", distribution="unbraid"))
    with pytest.raises(PluginLoadError, match=r"plug-in 'one' \(unbraid 1\.0\) failed to load"):
        registry.resolve("method", "one")
    assert registry.resolve("method", "third:one").distribution == "third"


def test_third_parties_clash() -> None:
    registry = Registry([methods("a", method("one"), distribution="x"), methods("b", method("one"), distribution="y")])
    with pytest.raises(PluginClashError, match=r"'a' \(x 1\.0\) and 'b' \(y 1\.0\)"):
        registry.resolve("method", "one")
    assert registry.resolve("method", "y:one").plugin == "b"


def test_distribution_names_are_compared_as_pip_compares_them() -> None:
    registry = Registry([methods("a", method("one"), distribution="My_Plug.in")])
    assert registry.resolve("method", "my-plug-in:one").plugin == "a"


def raising() -> None:
    raise ValueError("no")


@pytest.mark.parametrize(
    ("bad", "stage", "message"),
    [
        (plugin("bad", unbraid_disentanglers=raising), "declare", "ValueError: no"),
        (plugin("bad", unbraid_disentanglers=lambda: None), "declare", "returned no iterable"),
        (methods("bad", "one"), "declare", "expected: DisentanglerSpec found: str"),
        (plugin("bad", unbraid_backbones=lambda: [method("one")]), "declare", "expected: BackboneSpec"),
        (methods("bad", method("one"), method("one")), "declare", "declared twice"),
        (plugin("bad", unbraid_disentanglers=lambda session: []), "register", "can not be found in the hookspec"),
        (plugin("bad", unbraid_disentangler=lambda: [None]), "register", "unknown hook"),
        (plugin("bad"), "register", "implements no hook"),
        (methods("bad", method("one", api=2)), "declare", "newer plug-in contract"),
    ],
)
def test_a_bad_plugin_costs_only_itself(bad: Manifest, stage: str, message: str) -> None:
    with pytest.warns(PluginLoadWarning, match=r"plug-in 'bad' \(third 1\.0\) failed to load"):
        registry = Registry([bad, methods("good", method("fine"))])
    assert list(registry.disentanglers()) == ["fine"]
    (failure,) = registry.failures
    assert failure.stage == stage and message in failure.message
    with pytest.raises(PluginError, match="'bad'") as caught:
        registry.resolve("method", "bad")
    assert caught.value.__cause__ is failure.error


def test_a_later_hook_that_raises_takes_the_whole_plugin() -> None:
    half = plugin("half", unbraid_disentanglers=lambda: [method("one")], unbraid_metrics=raising)
    registry = quiet(half)
    assert dict(registry.disentanglers()) == {}
    with pytest.raises(PluginLoadError, match="'half'"):
        registry.resolve("method", "one")


def test_a_newer_contract_is_named() -> None:
    registry = quiet(methods("new", method("one", api=2)))
    with pytest.raises(PluginApiError, match=r"plug-in API 2"):
        registry.resolve("method", "one")


def test_strictness_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNBRAID_STRICT_PLUGINS", "1")
    with pytest.raises(ValueError, match="no"):
        Registry([plugin("bad", unbraid_disentanglers=raising)])


def test_one_plugin_can_be_added_to_what_there_is() -> None:
    registry = Registry([methods("a", method("one"))])
    assert list(Registry([*registry.manifests, methods("b", method("two"))]).disentanglers()) == ["one", "two"]


def test_a_plain_module_belongs_to_nobody_else() -> None:
    entry = Registry([methods("loose", method("one")).module]).resolve("method", "local:one")
    assert entry.plugin == "loose"


def test_unknown_names_come_with_near_matches() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'prototype'"):
        Registry([methods("a", method("prototype"))]).resolve("method", "prototpye")


def test_unknown_kinds_come_with_near_matches() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'method'"):
        Registry.empty().resolve("methods", "fden")  # type: ignore[call-overload]


def test_adapt_takes_the_first_that_knows_the_object() -> None:
    deaf = plugin("deaf", unbraid_adapt=lambda model: None)
    knows = plugin("knows", unbraid_adapt=lambda model, hint: (model, hint))
    assert Registry([knows, deaf]).adapt("model", "hint") == ("model", "hint")
    assert Registry([deaf]).adapt("model") is None


def test_adapt_survives_one_that_raises() -> None:
    broken = plugin("broken", unbraid_adapt=raising_on_model)
    knows = plugin("knows", unbraid_adapt=lambda model: "wrapped")
    assert Registry([knows, broken]).adapt(1) == "wrapped"
    with pytest.raises(PluginError, match=r"third:broken failed to wrap a int"):
        Registry([broken]).adapt(1)


def raising_on_model(model: object) -> None:
    raise TypeError(model)


def test_adapt_passes_on_what_a_plugin_says_is_wrong() -> None:
    """A plug-in that knows the object is worth more than one that stumbled over it."""
    says = plugin("says", unbraid_adapt=refusing)
    with pytest.raises(UnbraidError, match="no images of such a size"):
        Registry([plugin("broken", unbraid_adapt=raising_on_model), says]).adapt(1)


def refusing(model: object) -> None:
    raise UnbraidError("no images of such a size")


def test_the_process_wide_registry_can_be_replaced() -> None:
    outer, inner = Registry.empty(), Registry.empty()
    with use_registry(outer):
        with pytest.raises(ZeroDivisionError), use_registry(inner):
            assert get_registry() is inner
            _ = 1 / 0
        assert get_registry() is outer
        assert get_registry() is get_registry()
