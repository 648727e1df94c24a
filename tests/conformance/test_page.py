"""The page about the checks says what the checks say."""

from pathlib import Path

import pytest

from unbraid.registry.conformance import CHECKS
from unbraid.registry.conformance.page import page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_current():
    command = "python -m unbraid.registry.conformance.page > docs/conformance.md"
    assert (DOCS / "conformance.md").read_text(encoding="utf-8") == page(), f"write it again: {command}"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.kinds[0]}-{check.id}")
def test_every_check_says_what_breaks_and_what_to_do(check):
    paragraphs = (check.function.__doc__ or "").split("\n\n")
    assert len(paragraphs) == 3, "promise, Breaks, Mend"
    assert check.promise and paragraphs[1].strip().startswith("Breaks: ") and paragraphs[2].strip().startswith("Mend: ")
    assert check.promise in page() and check.breaks in page() and check.mend in page()
