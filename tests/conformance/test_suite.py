"""How the suite reports: status, expected failures, groups, pytest, the command line."""

import json
import subprocess
import sys

import broken_methods
import pytest

import unbraid
from unbraid.__main__ import main
from unbraid.core.errors import UnknownNameError
from unbraid.registry import DisentanglerSpec
from unbraid.registry.conformance.toys.method import ToyConfig, ToyMethod
from unbraid.testing import (
    ConformanceError,
    check_backbone,
    check_dataset,
    check_disentangler,
    check_metric,
    parametrize_with_checks,
    toy_backbone,
    toy_dataset,
)

TOY = DisentanglerSpec(
    name="toy",
    target="unbraid.registry.conformance.toys.method:ToyMethod",
    config="unbraid.registry.conformance.toys.method:ToyConfig",
    summary="The toy.",
    supervision="labels",
    reference="none",
)


@parametrize_with_checks(TOY, groups=["shapes", "rows", "frozen"])
def test_the_toy_keeps_its_promises(check):
    check()


@parametrize_with_checks(TOY, groups=["rows"], backbones=["tiny"])
def test_ids_are_those_of_the_checks(check, request):
    assert request.node.name.endswith(f"[{check.id}]") and check.id.startswith("rows.") and check.id.endswith("@tiny")


@pytest.mark.slow
def test_the_toy_keeps_all_promises_on_every_toy():
    report = check_disentangler(TOY, backbones=unbraid.testing.TOY_BACKBONES)
    assert report.ok and len(report) > 300


def test_a_class_can_be_checked_with_its_config():
    report = check_disentangler(ToyMethod, config=ToyConfig(width=2), groups=["shapes"], on_fail="report")
    assert report.ok, report.failures


def broken(check):
    return broken_methods.ALL[check].make()


def test_a_failure_raises_and_says_what_breaks_and_what_to_do():
    with pytest.raises(ConformanceError, match=r"rows.empty@vector: failed") as caught:
        check_disentangler(broken("rows.empty"), groups=["rows"], backbones=["vector"])
    assert (
        "breaks: " in str(caught.value) and "mend:   " in str(caught.value) and "broken_methods.py" in str(caught.value)
    )
    assert caught.value.exit_code == 1 and [r.id for r in caught.value.report.failures] == ["rows.empty"]


@pytest.mark.parametrize("key", ["rows.empty", "rows.empty@vector"])
def test_a_failure_can_be_expected_with_a_reason(key):
    options = {"groups": ["rows.empty"], "backbones": ["vector"]}
    (result,) = check_disentangler(broken("rows.empty"), expected_failures={key: "known"}, **options)
    assert (result.status, result.message) == ("expected failure", "known")


def test_an_expected_failure_that_passes_has_failed():
    with pytest.raises(ConformanceError, match=r"rows.alone@vector: failed\nwas expected to fail \(known\)"):
        check_disentangler(TOY, groups=["rows"], backbones=["vector"], expected_failures={"rows.alone": "known"})


def test_only_the_cause_fails_and_what_needs_it_is_skipped():
    report = check_disentangler(broken("contract.attaches"), backbones=["vector"], on_fail="report")
    assert [result.id for result in report.failures] == ["contract.attaches"]
    waiting = next(result for result in report if result.id == "saving.loads")
    assert waiting.status == "skipped" and "contract.attaches" in waiting.message


def test_refusing_every_backbone_is_a_failure_and_refusing_some_is_not():
    options = {"settings": {"discriminate": "pixels"}, "groups": ["contract.attaches"], "on_fail": "report"}
    some = check_disentangler("szabo", backbones=["no-decoder", "vector"], **options)
    assert [result.status for result in some] == ["skipped", "passed"]
    none = check_disentangler("szabo", backbones=["no-decoder"], **options)
    assert [result.status for result in none] == ["failed"]


@pytest.mark.parametrize(
    ("options", "near"),
    [
        ({"expected_failures": {"rows.empyt": "why"}}, "rows.empty"),
        ({"groups": ["row"]}, "rows"),
        ({"backbones": ["vectro"]}, "vector"),
    ],
)
def test_unknown_names_come_with_near_matches(options, near):
    with pytest.raises(UnknownNameError, match=f"did you mean.*{near}"):
        check_disentangler(TOY, **options)


def test_things_can_be_checked_as_they_are():
    cheap = {"groups": ["contract", "shapes", "labels", "pictures"], "on_fail": "report"}
    assert check_backbone(toy_backbone("tiny"), groups=["contract", "shapes"]).ok
    assert check_dataset(toy_dataset(), groups=cheap["groups"][:1]).ok
    report = check_metric(lambda evidence: [], groups=["contract"], on_fail="report")
    assert [result.id for result in report.failures] == ["contract.measures"]


def test_results_are_json_values():
    report = check_dataset(toy_dataset(), groups=["contract"])
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["ok"] and set(plain["results"][0]) == {
        *("id", "group", "kind", "subject", "on", "status", "message", "breaks", "mend", "seconds")
    }


def test_the_command_exits_with_1_where_a_check_fails(tmp_path, capsys):
    assert main(["check", "glyphs"]) == 0
    assert "contract.loads" in capsys.readouterr().out
    assert main(["check", "npz", "--set", f"path={tmp_path / 'absent.npz'}", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    (failed,) = [result for result in report["results"] if result["status"] == "failed"]
    assert failed["id"] == "contract.loads" and failed["mend"]


def test_the_command_explains_a_failure(capsys):
    assert (
        main(["check", "szabo", "--on", "no-decoder", "--set", "discriminate=pixels", "--group", "contract.attaches"])
        == 1
    )
    out = capsys.readouterr().out
    assert "FAILED    contract.attaches@no-decoder" in out and "breaks:" in out and "mend:" in out and "1 failed" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prototpye"], "did you mean 'prototype'"),
        (["fden", "--group", "frzoen"], "did you mean 'frozen'"),
        (["glyphs", "--on", "vector"], "for methods"),
        (["fden", "--set", "a.b=1"], "no dots"),
    ],
)
def test_misuse_of_the_command(arguments, message, capsys):
    assert main(["check", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_front_door_names_what_there_is():
    code = "import sys, unbraid.testing as t; [getattr(t, n) for n in t.__all__]; hasattr(t, 'nope') and sys.exit(3)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode == 0
