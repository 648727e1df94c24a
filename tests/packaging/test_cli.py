"""The command line's own manners: help, near matches, exit codes, where output goes."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import click
import pytest

from unbraid.__main__ import main
from unbraid.core.cli.lazy import LazyCommand
from unbraid.core.cli.main import COMMANDS, cli
from unbraid.registry import (
    BackboneSpec,
    DisentanglerSpec,
    Manifest,
    MissingDependencyError,
    Registry,
    UnbraidError,
    hookimpl,
    use_registry,
)

Raise = Callable[[BaseException], None]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Raise:
    """Makes `unbraid fail` raise what the test wants."""
    module = ModuleType("failing_command")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(cli.table, "fail", LazyCommand(f"{module.__name__}:command", "Fail."))

    def prepare(error: BaseException) -> None:
        @click.command()
        def command() -> None:
            raise error

        vars(module)["command"] = command

    return prepare


@pytest.fixture
def registry() -> Iterator[Registry]:
    method = DisentanglerSpec(
        name="halves",
        target="nowhere:Halves",
        summary="Cut in two.",
        presets={"wide": {}, "narrow": {}},
        requires=("not_installed_a",),
    )
    backbone = BackboneSpec(name="mirror", target="nowhere:mirror", summary="Give back.", inverse="exact")
    module = ModuleType("toy")
    vars(module)["unbraid_disentanglers"] = hookimpl(lambda: [method])
    vars(module)["unbraid_backbones"] = hookimpl(lambda: [backbone])
    toy = Manifest(name="toy", module=module, distribution="toys", version="3.0", seconds=0.5, heavy=("torch",))
    with use_registry(Registry([toy])) as replaced:
        yield replaced


def test_help_names_every_command_with_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out and command.summary in out for name, command in COMMANDS.items())


@pytest.mark.parametrize("name", ["list", "plugins"])
def test_a_command_is_called_what_the_table_says(name: str) -> None:
    assert COMMANDS[name].load().name == name


def test_an_unknown_command_gets_near_matches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evalute"]) == 2
    assert "did you mean 'evaluate'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--nonsense"], ["list", "nonsense"], ["plugins", "--nonsense"]])
def test_misuse_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "onsense" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UnbraidError("too small", expected=28, found=14), 2, "unbraid: too small\n  expected: 28\n  found:    14"),
        (MissingDependencyError("no such package"), 1, "no such package"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(errno.ENOSPC, "No space left on device", "/out/model"), 1, "No space left on device: /out/model"),
        (OSError(errno.EROFS, "Read-only file system"), 1, "not read-only"),
        (OSError("odd"), 1, "unbraid: odd"),
        (click.BadParameter("nonsense"), 2, "nonsense"),
    ],
)
def test_errors_become_a_message_and_an_exit_code(
    failing: Raise, error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(error)
    assert main(["fail"]) == code
    captured = capsys.readouterr()
    assert message in captured.err and "Traceback" not in captured.err and captured.out == ""


def test_a_mistake_of_ours_keeps_its_traceback(failing: Raise) -> None:
    failing(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["fail"])


def test_a_closed_pipe_is_no_disaster() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        command = [sys.executable, "-m", "unbraid", "plugins"]
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1 and done.stderr == ""


def test_threads_sleep_unless_the_user_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY")
    assert main(["--version"]) == 0
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert main(["--version"]) == 0
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


@pytest.mark.usefixtures("registry")
def test_list_prints_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    captured = capsys.readouterr()
    method = next(line for line in captured.out.splitlines() if "halves" in line)
    assert all(text in method for text in ("labels", "narrow, wide", "Cut in two.", "toys 3.0", "not_installed_a"))
    assert "exact" in captured.out and "metrics\n  (none)" in captured.out
    assert "manifest of plug-in 'toy' (toys 3.0) imports torch" in captured.err


@pytest.mark.usefixtures("registry")
def test_list_takes_one_kind_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "backbones", "--json"]) == 0
    listing = json.loads(capsys.readouterr().out)
    assert set(listing) == {"backbones", "failures", "slow"}
    (backbone,) = listing["backbones"]
    assert (backbone["name"], backbone["inverse"], backbone["provider"]) == ("mirror", "exact", "toys")


def test_plugins_lists_the_built_ins(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert "fden" in {row["name"] for row in rows if row["distribution"] == "unbraid"}
