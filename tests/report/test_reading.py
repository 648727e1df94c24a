"""How to read the numbers: every kind of figure of every built-in metric is explained, in report and documentation."""

import re
from pathlib import Path

import numpy as np
import pytest

from unbraid.core.evaluation import Evidence, Population
from unbraid.core.evaluation.evaluate import measure
from unbraid.core.evaluation.table import by_kind
from unbraid.core.report.reading import READING, how_to_read
from unbraid.registry import get_registry

DOCS = Path(__file__).parents[2] / "docs" / "reading_the_numbers.md"
SETTINGS = {
    "few_shot": {"ways": 3, "queries": 1},
    "probes": {"seeds": 1, "epochs": 1, "hidden": 4},
    "blocks": {"seeds": 1, "epochs": 1, "hidden": 4},
    "mutual_information": {"steps": 100},
    "scalar": {"scores": ("mig", "irs"), "halves": 0},
    "swap_error": {"swaps": 9, "decoded": 4},
    "swap_labels": {"swaps": 9, "donors": 2, "decoded": 4},
}


def split(z):
    return {"what": z[:, :3], "how": z[:, 3:]}


def join(factors):
    return np.concatenate([factors["what"], factors["how"]], 1)


@pytest.fixture(scope="module")
def figures():
    """All figures there are: of a head and a backbone that can do everything, on data with every kind of label."""
    rng = np.random.default_rng(0)
    c, s = (x.ravel() for x in np.meshgrid(np.repeat(np.arange(6), 3), np.arange(4), indexing="ij"))
    z = np.concatenate([rng.normal(size=(6, 3))[c], rng.normal(size=(4, 3))[s]], 1).astype(np.float32)
    labels = {"content": c, "style": s}
    populations = {
        name: Population(name=name, rows=np.arange(len(c)), z=z, labels=labels, factors=split(z), known=labels)
        for name in ("train", "unseen_content")
    }
    evidence = Evidence(
        populations=populations,
        roles={"what": "content", "how": "style"},
        episodes=9,
        entangle=join,
        disentangle=split,
        decode=lambda z: z[:, None, None] / 9 + 0.5,
        encode=lambda x: (x[:, 0, 0] - 0.5) * 9,
        images=lambda rows: z[rows, None, None] / 9 + 0.5,
        score=lambda a, b: -np.square(a - b).sum(1),
    )
    names = get_registry().metrics()
    entries = [(get_registry().resolve("metric", name), SETTINGS.get(name, {})) for name in names]
    found, failures = measure(evidence, entries, frozenset({"entangle", "decode", "score"}))
    assert not failures
    assert all(figure.value is not None for figure in found), [f.name for f in found if f.value is None]
    return found


def test_every_kind_of_figure_is_explained_in_the_report(figures):
    kinds = list(by_kind(figures))
    assert set(kinds) == set(READING)
    assert list(how_to_read(kinds)) == kinds


def test_explanations_say_which_direction_is_good_or_what_they_are_the_same_as():
    for kind, text in READING.items():
        assert re.search(r"high|low|best|good|perfect|same|1 is|0 is", text.lower()), kind
        assert text.endswith(".")


def test_every_kind_of_figure_is_in_the_documentation(figures):
    named = set(re.findall(r"`([a-z_]+)", DOCS.read_text()))
    assert set(by_kind(figures)) <= named
