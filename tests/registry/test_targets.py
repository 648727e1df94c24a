"""What happens when a name is used: its target is imported."""

import sys
from pathlib import Path

import pytest

from unbraid.registry import (
    DatasetSpec,
    Entry,
    MissingDependencyError,
    PluginError,
    PluginLoadError,
    import_target,
    missing_requirements,
)


def entry(target: str, *, config: str | None = None, requires: tuple[str, ...] = ()) -> Entry[DatasetSpec]:
    spec = DatasetSpec(name="data", target=target, summary="Data.", config=config, requires=requires)
    return Entry(spec, "plug", "third", "1.0")


def test_targets_and_configs_are_imported() -> None:
    both = entry("pathlib:Path", config="pathlib:Path.home")
    assert import_target(both) is Path
    assert import_target(both.spec, "pathlib:Path.home") == Path.home


def test_what_a_spec_does_not_declare_is_not_replaced_by_its_target() -> None:
    with pytest.raises(PluginError, match="declares no such target"):
        import_target(entry("pathlib:Path"), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "cause"), [("nowhere_at_all:X", ModuleNotFoundError), ("pathlib:Nothing", AttributeError)]
)
def test_a_target_that_is_not_there(target: str, cause: type[Exception]) -> None:
    with pytest.raises(PluginLoadError, match=rf"'plug' \(third 1\.0\) cannot be used: {target}") as caught:
        import_target(entry(target))
    assert isinstance(caught.value.__cause__, cause)


def test_a_target_that_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "target_that_exits.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginLoadError, match="SystemExit: 3"):
        import_target(entry("target_that_exits:X"))


def test_a_missing_package_says_what_to_install() -> None:
    lacking = entry("nowhere_at_all:X", requires=("json", "not_installed_a", "not_installed_b.inner"))
    assert missing_requirements(lacking.spec) == ("not_installed_a", "not_installed_b.inner")
    with pytest.raises(MissingDependencyError, match=r"pip install not_installed_a not_installed_b$") as caught:
        import_target(lacking)
    assert caught.value.exit_code == 1
    assert "not_installed_b" not in sys.modules


@pytest.mark.parametrize("target", ["pathlib.Path", "pathlib:", "../evil:run", "a b:c"])
def test_a_malformed_target_is_refused_when_it_is_declared(target: str) -> None:
    with pytest.raises(PluginError, match="malformed"):
        entry(target)
