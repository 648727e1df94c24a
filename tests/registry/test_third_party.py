"""Real distributions in a real environment: a broken plug-in costs itself and is named."""

import json
from typing import Any

import pytest

#: What the broken distributions of `tests/third_party` are called, and the stage at which each fails.
BROKEN = {
    "exits_at_import": ("raises-at-import", "import", "SystemExit: the manifest exits"),
    "raises_at_import": ("raises-at-import", "import", "RuntimeError: the manifest is broken"),
    "wrong_signature": ("wrong-signature", "register", "PluginValidationError"),
    "newer_api": ("newer-api", "declare", "PluginApiError"),
}

RESOLVE = """
import sys, warnings
warnings.simplefilter("ignore")
from unbraid.registry import UnbraidError, get_registry, import_target
try:
    entry = get_registry().resolve("method", sys.argv[1])
    print(entry.qualified_name, entry.version)
except UnbraidError as error:
    print(type(error).__name__, error, "| from", type(error.__cause__).__name__)
"""


@pytest.fixture(scope="module")
def listing(scratch_env: Any) -> dict[str, Any]:
    done = scratch_env.run(["-m", "unbraid", "list", "--json"])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # which also shows that a manifest's print did not reach stdout


def resolve(scratch_env: Any, name: str, **env: str) -> str:
    done = scratch_env.run(["-c", RESOLVE, name], env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_named(listing: dict[str, Any], name: str) -> None:
    distribution, stage, error = BROKEN[name]
    (failure,) = [each for each in listing["failures"] if each["name"] == name]
    assert (failure["distribution"], failure["stage"], failure["version"]) == (distribution, stage, "1.0")
    assert error in failure["error"]
    assert "Traceback" in failure["traceback"] or stage == "import"


def test_a_broken_plugin_costs_only_itself(listing: dict[str, Any]) -> None:
    third_party = {each["name"] for each in listing["methods"] if each["provider"] != "unbraid"}
    assert third_party == {"echo_split", "clash-a:twin", "clash-b:twin"}
    assert {each["name"] for each in listing["failures"] if each["distribution"] != "unbraid"} == set(BROKEN)


def test_each_failure_is_one_warning_that_names_the_plugin(scratch_env: Any) -> None:
    code = """
import warnings
from unbraid.registry import PluginLoadWarning, get_registry
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    get_registry(); get_registry()
print(*(each.message for each in caught if issubclass(each.category, PluginLoadWarning)), sep="\\n")
"""
    lines = scratch_env.run(["-c", code]).stdout.splitlines()
    for name, (distribution, _, _) in BROKEN.items():
        assert len([line for line in lines if line.startswith(f"plug-in {name!r} ({distribution} 1.0)")]) == 1


def test_the_terminal_names_failures_on_stderr(scratch_env: Any) -> None:
    done = scratch_env.run(["-m", "unbraid", "list", "methods"])
    assert "echo_split" in done.stdout and "good 1.2" in done.stdout
    assert "plug-in 'raises_at_import' (raises-at-import 1.0) failed to load" in done.stderr
    assert "must not reach stdout" not in done.stdout
    assert "PluginLoadWarning" not in done.stderr


def test_the_good_one_resolves_bare_and_qualified(scratch_env: Any) -> None:
    assert resolve(scratch_env, "echo_split") == "good:echo_split 1.2"
    assert resolve(scratch_env, "good:echo_split") == "good:echo_split 1.2"


def test_asking_for_a_broken_one_says_so_and_chains_to_the_cause(scratch_env: Any) -> None:
    answer = resolve(scratch_env, "raises_at_import")
    assert answer.startswith("PluginLoadError") and answer.endswith("from RuntimeError")
    assert "plug-in 'raises_at_import' (raises-at-import 1.0) failed to load" in answer


@pytest.mark.parametrize("name", ["newer_api", "from_the_future", "newer-api:from_the_future"])
def test_asking_for_a_newer_one_says_which_contract_it_needs(scratch_env: Any, name: str) -> None:
    answer = resolve(scratch_env, name)
    assert answer.startswith("PluginApiError") and "(newer-api 1.0)" in answer
    assert "plug-in API 1\n" in answer and "plug-in API 99" in answer


def test_a_clash_names_both_and_either_can_be_chosen(scratch_env: Any) -> None:
    answer = resolve(scratch_env, "twin")
    assert answer.startswith("PluginClashError")
    assert "'clash_a' (clash-a 1.0) and 'clash_b' (clash-b 2.0)" in answer
    assert "clash-a:twin or clash-b:twin" in answer
    assert resolve(scratch_env, "clash-b:twin") == "clash-b:twin 2.0"
    assert resolve(scratch_env, "twin", UNBRAID_DISABLE_PLUGINS="clash_a") == "clash-b:twin 2.0"


def test_an_unknown_name_mentions_what_failed_and_what_is_off(scratch_env: Any) -> None:
    answer = resolve(scratch_env, "echo_spilt", UNBRAID_DISABLE_PLUGINS="clash-a")
    assert answer.startswith("UnknownNameError") and "did you mean 'echo_split'" in answer
    assert "'wrong_signature' (wrong-signature 1.0) failed to load" in answer
    assert "not loaded, since named in UNBRAID_DISABLE_PLUGINS: clash_a" in answer


@pytest.mark.parametrize("allowed", ["good", "echo_split", "echo-split, nothing"])
def test_the_allow_list_takes_entry_points_and_distributions(scratch_env: Any, allowed: str) -> None:
    done = scratch_env.run(["-m", "unbraid", "list", "--json"], env={"UNBRAID_PLUGINS": allowed})
    listing = json.loads(done.stdout)
    assert [each["name"] for each in listing["methods"]] == ["echo_split"]
    assert listing["failures"] == []


def test_strictness_raises_what_the_plugin_raised(scratch_env: Any) -> None:
    env = {
        "UNBRAID_STRICT_PLUGINS": "1",
        "UNBRAID_PLUGINS": "raises_at_import",
        "UNBRAID_DISABLE_PLUGINS": "exits_at_import",
    }
    done = scratch_env.run(["-m", "unbraid", "list"], env=env)
    assert done.returncode == 1
    assert "RuntimeError: the manifest is broken" in done.stderr and "Traceback" in done.stderr


def test_strictness_does_not_let_a_plugin_end_the_process(scratch_env: Any) -> None:
    env = {"UNBRAID_STRICT_PLUGINS": "1", "UNBRAID_PLUGINS": "exits_at_import"}
    done = scratch_env.run(["-m", "unbraid", "list"], env=env)
    assert done.returncode == 2
    assert "plug-in 'exits_at_import' (raises-at-import 1.0) failed to load" in done.stderr


def test_listing_the_installed_ones_runs_no_plugin_code(scratch_env: Any) -> None:
    done = scratch_env.run(["-m", "unbraid", "plugins", "--json"], env={"UNBRAID_DISABLE_PLUGINS": "good"})
    assert done.returncode == 0 and done.stderr == ""
    states = {row["name"]: row["state"] for row in json.loads(done.stdout)}
    assert states["echo_split"] == "blocked"
    assert {states[name] for name in BROKEN} == {"enabled"}
