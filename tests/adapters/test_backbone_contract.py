"""Every backbone adapter keeps every promise, checked on one small model of each (and each kind of latent it has)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache

import pytest
from backbone_rows import ROWS, Row

from unbraid.core.catalogue import load_backbone
from unbraid.core.errors import MissingDependencyError
from unbraid.registry import BackboneSpec, get_registry, missing_requirements
from unbraid.testing import check_backbone, checks_of

#: Run in a process of its own: the fingerprints of all rows, from nothing but name and settings.
FINGERPRINTS = """
import json, sys
from unbraid.core.catalogue import load_backbone
asked = json.load(sys.stdin)
json.dump([load_backbone(name, **settings).fingerprint for name, settings in asked], sys.stdout)
"""


Settings = Callable[[Row], dict[str, object]]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Row -> settings of `load_backbone`, made once."""
    return cache(lambda row: row.settings_in(tmp_path_factory.mktemp(row.name)))


@pytest.fixture(
    scope="module", params=[pytest.param(row, id=row.id, marks=[pytest.mark.slow] * row.slow) for row in ROWS]
)
def row(request: pytest.FixtureRequest) -> Row:
    found: Row = request.param
    return found


def test_an_adapter_keeps_every_promise(row: Row, settings: Settings) -> None:
    if missing := missing_requirements(_spec(row)):
        pytest.skip(f"{', '.join(missing)} not installed")
    report = check_backbone(row.name, settings=settings(row))
    assert len(report) == len(checks_of("backbone"))
    weights = next(result for result in report if result.id == "errors.no-weights")
    assert (weights.status == "passed") == row.weights


@pytest.mark.parametrize("slow", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_fingerprints_are_the_same_in_another_process(settings: Settings, slow: bool) -> None:
    rows = [
        row for row in ROWS if not missing_requirements(_spec(row)) and (slow or not (row.slow or _spec(row).requires))
    ]
    asked = [(row.name, settings(row)) for row in rows]
    done = subprocess.run(
        [sys.executable, "-c", FINGERPRINTS],
        input=json.dumps(asked),
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout)
    ours = [load_backbone(name, **given).fingerprint for name, given in asked]
    assert theirs == ours and len(set(ours)) == len(ours)


def test_a_missing_library_is_a_clear_error(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    required = _spec(row).requires
    if not required:
        pytest.skip("needs no optional library")
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None)
    with pytest.raises(MissingDependencyError, match=rf"{', '.join(required)} missing[\s\S]*pip install {required[0]}"):
        load_backbone(row.name)


def _spec(row: Row) -> BackboneSpec:
    return get_registry().resolve("backbone", row.name).spec


def test_every_adapter_has_a_row() -> None:
    built_in = {name for name, entry in get_registry().backbones().items() if entry.distribution == "unbraid"}
    assert built_in == {row.name for row in ROWS}
