"""Every example in a docstring runs."""

import doctest
import importlib
import pkgutil

import pytest

import unbraid

#: Importing these runs the program.
PROGRAMS = {"unbraid.__main__"}


def modules() -> list[str]:
    found = pkgutil.walk_packages(unbraid.__path__, "unbraid.", onerror=lambda name: None)
    return sorted({module.name for module in found} - PROGRAMS)


def test_the_walk_reaches_every_room() -> None:
    rooms = {name.split(".")[1] for name in modules()}
    assert {"core", "plugins", "adapters", "registry", "testing"} <= rooms and len(modules()) > 100


@pytest.mark.parametrize("name", modules())
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0
