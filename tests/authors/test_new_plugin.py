"""What `unbraid new` writes: names, files, and that they need no hand to be tidy."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from unbraid.core.cli.new import command
from unbraid.registry import (
    DisentanglerSpec,
    Manifest,
    PluginClashError,
    PluginError,
    Registry,
    UnbraidError,
    UnknownNameError,
    hookimpl,
)
from unbraid.registry.new_plugin import KINDS, NewPlugin

#: Names change how long lines are, and where imports are sorted.
NAMES = ("a", "my-split", "a_longer-name_of_24_chars")


class Mine:
    """A third party's method of the name `taken_split`."""

    @hookimpl
    def unbraid_disentanglers(self):
        return [DisentanglerSpec(name="taken_split", target="a.b:C", summary="taken")]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_complete(kind, tmp_path):
    new = NewPlugin(name="my-split", kind=kind)
    folder = new.write(tmp_path)
    assert folder == tmp_path / "my-split"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == set(new.files())
    usual = {"pyproject.toml", "README.md", ".gitignore", ".github/workflows/test.yml", f"tests/test_{kind}.py"}
    package = {f"src/unbraid_my_split/{name}" for name in ("__init__.py", "manifest.py", "config.py", "py.typed")}
    assert usual | package <= files
    assert not any("{{" in text and "}}" in text.replace("${{ matrix.python }}", "") for text in new.files().values())
    assert [path.name for path in tmp_path.iterdir()] == ["my-split"]


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_name_it_is_formatted_and_lints(kind, tmp_path):
    for name in NAMES:
        folder = NewPlugin(name=name, kind=kind).write(tmp_path)
        for check in (("check", "--no-cache", "."), ("format", "--no-cache", "--check", "--diff", ".")):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", *check], cwd=folder, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("My Split", "my-split"),
        ("2nd", "plugin-2nd"),
        ("split-", "split"),
        ("a--b", "a-b"),
        ("", "plugin"),
        ("é", "plugin"),
    ],
)
def test_names_that_cannot_be_are_refused_with_one_that_can(name, hint):
    with pytest.raises(PluginError, match="cannot be called that") as caught:
        NewPlugin(name=name, kind="method")
    assert str(caught.value).endswith(f"unbraid new {hint}")
    NewPlugin(name=hint, kind="method")


def test_a_kind_there_is_no_template_for_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'metric'"):
        NewPlugin(name="mine", kind="metrics")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["taken_split", "taken-split"])
def test_a_name_somebody_has_is_refused_and_its_owner_named(name):
    registry = Registry([Manifest(name="mine", module=Mine(), distribution="theirs", version="2.0")])
    with pytest.raises(PluginClashError, match=r"'mine' \(theirs 2.0\)"):
        NewPlugin(name=name, kind="method").check_free(registry)
    NewPlugin(name=name, kind="metric").check_free(registry)  # of another kind


def test_an_importable_package_of_the_name_is_refused(tmp_path, monkeypatch):
    (tmp_path / "unbraid_occupied").mkdir()
    (tmp_path / "unbraid_occupied" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginClashError, match="the Python package unbraid_occupied"):
        NewPlugin(name="occupied", kind="method").check_free(Registry.empty())


@pytest.mark.parametrize("way", ["empty folder", "folder", "file", "dead link"])
def test_nothing_is_overwritten(way, tmp_path):
    there = tmp_path / "mine"
    if way == "file":
        there.write_text("precious")
    elif way == "dead link":
        there.symlink_to(tmp_path / "nowhere")
    else:
        there.mkdir()
        if way == "folder":
            (there / "notes").write_text("precious")
    with pytest.raises(UnbraidError, match="in the way"):
        NewPlugin(name="mine", kind="method").write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert there.is_symlink() or there.is_dir() or there.read_text() == "precious"


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    written = []

    def fill(path: Path, *args: object, **settings: object) -> int:
        if len(written) == 4:
            raise OSError(28, "No space left on device")
        written.append(path)
        return 0

    monkeypatch.setattr(Path, "write_text", fill)
    with pytest.raises(UnbraidError, match="No space left"):
        NewPlugin(name="mine", kind="method").write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_to_do_next(tmp_path):
    done = CliRunner().invoke(command, ["my-measure", "--kind", "metric", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "src/unbraid_my_measure/metric.py" in done.output and "unbraid check my-measure" in done.output
    again = CliRunner().invoke(command, ["fden", "--out", str(tmp_path)])
    assert isinstance(again.exception, PluginClashError) and "'fden' (unbraid" in str(again.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["my-measure"]
