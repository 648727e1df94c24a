"""The examples in docstrings run."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "unbraid.testing",
        "unbraid.core.cli.table",
        "unbraid.registry.catalogue",
        "unbraid.registry.current",
        "unbraid.registry.errors",
        "unbraid.registry.loading",
        "unbraid.registry.metadata",
        "unbraid.registry.targets",
    ],
)
def test_examples(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0 and result.failed == 0
