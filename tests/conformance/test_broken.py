"""For every check there is a plug-in that breaks its promise: it fails that check, those it implies, and no other."""

import contextlib
import dataclasses

import broken_backbones
import broken_datasets
import broken_metrics
import broken_runs
import pytest

from unbraid.registry import get_registry, use_registry
from unbraid.registry.conformance import CHECKS, suite_of

TABLES = {
    "method": broken_runs.ALL,
    "backbone": broken_backbones.ALL,
    "dataset": broken_datasets.ALL,
    "metric": broken_metrics.ALL,
}
ROWS = [(kind, check) for kind, table in TABLES.items() for check in table]
#: Groups that cost more than they tell about a plug-in that is broken elsewhere.
EXPENSIVE = {"export", "evaluation"}


def results(kind, check, ids=None):
    """Check the broken plug-in of a check, with the checks of some ids."""
    broken = TABLES[kind][check]
    subject, registry = broken.subject()
    options = {"backbones": ["vector"]} if kind == "method" else {}
    with use_registry(registry or get_registry()) if registry else contextlib.nullcontext():
        return suite_of(kind, subject, settings=broken.settings, groups=ids, **options).run()


def failed(report):
    return {result.id for result in report.failures}


def test_every_check_has_a_broken_plugin():
    for check in CHECKS:
        assert any(check.id in TABLES[kind] for kind in check.kinds), check.id


def test_every_broken_plugin_is_about_a_check():
    for kind, name in ROWS:
        assert any(check.id == name and kind in check.kinds for check in CHECKS), name


@pytest.mark.parametrize(("kind", "check"), ROWS, ids=lambda value: value)
def test_it_fails_its_check_and_no_cheap_other(kind, check):
    ids = [each.id for each in CHECKS if kind in each.kinds and (each.group not in EXPENSIVE or each.id == check)]
    found = results(kind, check, ids)
    assert check in failed(found), found.summary
    assert failed(found) <= {check, *TABLES[kind][check].implies}, [str(each) for each in found.failures]
    (mine,) = [result for result in found if result.id == check]
    assert mine.message and mine.breaks and mine.mend


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "check"), ROWS, ids=lambda value: value)
def test_it_fails_exactly_what_it_implies(kind, check):
    assert failed(results(kind, check)) == {check, *TABLES[kind][check].implies}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "check"), ROWS, ids=lambda value: value)
def test_an_emptied_check_is_noticed(kind, check, monkeypatch):
    """With its body gone, the check passes what it should not, and the test above fails."""
    (index,) = [i for i, each in enumerate(CHECKS) if each.id == check and kind in each.kinds]
    whole = CHECKS[index]
    monkeypatch.setitem(globals(), "EXPENSIVE", {each.group for each in CHECKS})  # it alone runs
    CHECKS[index] = dataclasses.replace(whole, function=lambda case: None)
    try:
        with pytest.raises(AssertionError):
            test_it_fails_its_check_and_no_cheap_other(kind, check)
    finally:
        CHECKS[index] = whole
