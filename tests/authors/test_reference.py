"""The reference page is complete, and is what the docstrings say."""

import inspect
import re
from pathlib import Path

import pytest

from unbraid.registry.declaring import HOOKS
from unbraid.registry.reference import described_arguments, described_fields, hooks, page
from unbraid.registry.specs import Spec

PAGE = Path(__file__).parents[2] / "docs" / "reference_plugins.md"


@pytest.mark.parametrize("name", hooks())
def test_every_hook_and_argument_is_documented(name):
    hook = hooks()[name]
    assert list(described_arguments(hook)) == list(inspect.signature(hook).parameters)
    assert all(described_arguments(hook).values())
    text = inspect.getdoc(hook) or ""
    assert text.partition("\n")[0].endswith(".") and "Returns:" in text


@pytest.mark.parametrize("spec", [Spec, *HOOKS.values()], ids=lambda spec: spec.__name__)
def test_every_field_is_documented(spec):
    assert [name for name, said in described_fields(spec).items() if not said.endswith(".")] == []
    assert (inspect.getdoc(spec) or "").partition("\n")[0]


def test_hooks_that_collect_are_all_there():
    assert set(hooks()) == {*HOOKS, "unbraid_adapt"}


def test_the_page_is_current():
    command = "python -m unbraid.registry.reference > docs/reference_plugins.md"
    assert PAGE.read_text(encoding="utf-8") == page(), f"write it again: {command}"


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\(([\w.]+)\)", page())
    assert links and [link for link in links if not (PAGE.parent / link).exists()] == []
