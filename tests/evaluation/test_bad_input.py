"""Every metric on data no figure can be made of: a reason or an error in words, never a NaN, a warning or a traceback."""

import math
from dataclasses import replace

import numpy as np
import pytest

from unbraid.core.errors import NonFiniteError, ProtocolError, UnbraidError
from unbraid.core.evaluation import Evidence, Figure, Population
from unbraid.core.evaluation.episodes import EpisodeTable, draw_episodes
from unbraid.core.evaluation.evaluate import measure
from unbraid.core.evaluation.few_shot import few_shot_accuracy
from unbraid.core.evaluation.judge import train_judge
from unbraid.core.evaluation.mutual_information import mutual_information
from unbraid.core.evaluation.probe import probe
from unbraid.core.evaluation.scalar import (
    beta_vae,
    dci_gbt,
    dci_linear,
    explicitness,
    factor_vae,
    irs,
    mig,
    modularity,
    sap,
)
from unbraid.registry import get_registry

CONTENTS, STYLES, REPEATS, WIDTH = 6, 4, 3, 3
#: Cheap settings of the metrics whose defaults take long.
SETTINGS = {
    "few_shot": {"ways": 3, "queries": 2},
    "probes": {"seeds": 1, "epochs": 1, "hidden": 8},
    "blocks": {"seeds": 1, "epochs": 1, "hidden": 8},
    "mutual_information": {"steps": 100},
    "scalar": {"points": 30, "halves": 0},
    "swap_error": {"swaps": 20, "decoded": 4},
    "swap_labels": {"swaps": 20, "donors": 2, "decoded": 6},
}
METRICS = [(name, SETTINGS.get(name, {})) for name in get_registry().metrics()]
EVERY = {name for name, _ in METRICS}


def split(z):
    return {"what": z[:, :WIDTH], "how": z[:, WIDTH:]}


def join(factors):
    return np.concatenate([factors["what"], factors["how"]], 1)


def population(name="unseen_content", *, keep=None, code=None, **labels):
    """A grid of contents and styles; `keep` cuts rows, `code` changes latents and factors, labels replace labels."""
    rng = np.random.default_rng(0)
    content, style = 2 * rng.normal(size=(CONTENTS, WIDTH)), 2 * rng.normal(size=(STYLES, WIDTH))
    c, s, _ = (x.ravel() for x in np.meshgrid(range(CONTENTS), range(STYLES), range(REPEATS), indexing="ij"))
    rows = np.arange(len(c)) if keep is None else np.flatnonzero(keep(c, s))
    z = np.concatenate([content[c], style[s]], 1)[rows]
    z = (z + 0.05 * rng.normal(size=z.shape)).astype(np.float32)
    z = z if code is None else code(z)
    own = {"content": c[rows], "style": s[rows]}
    return Population(
        name=name,
        rows=rows,
        z=z,
        labels={role: np.full(len(rows), labels[role]) if role in labels else own[role] for role in own},
        factors=split(z),
        random_factors=split(np.roll(z, 1, axis=1)),
        known=own,
    )


def evidence(**changes):
    populations = {name: population(name, **changes) for name in ("train", "unseen_content")}
    return Evidence(
        populations=populations,
        roles={"what": "content", "how": "style"},
        episodes=20,
        entangle=join,
        random_entangle=lambda factors: np.roll(join(factors), -1, axis=1),
        disentangle=split,
        random_disentangle=lambda z: split(np.roll(z, 1, axis=1)),
        decode=lambda z: z[:, None, None] / 400 + 0.5,
        encode=lambda x: (x[:, 0, 0] - 0.5) * 400,
        images=lambda rows: np.full((len(rows), 1, 1, 2 * WIDTH), 0.5, np.float32) + 1e-3 * rows[:, None, None, None],
        score=lambda a, b: -np.square(a - b).sum(1),
    )


def measured(given, names=None):
    """Figures of every metric with cheap settings, by metric."""
    found = {}
    for name, settings in METRICS:
        if names is None or name in names:
            entry = get_registry().resolve("metric", name)
            figures, failures = measure(given, [(entry, settings)], frozenset({"entangle", "decode"}))
            assert not failures, failures
            found[name] = figures
    return found


def check(figure):
    """A value with finite company, or a reason that says what was expected and what was found."""
    if figure.value is None:
        lines = figure.not_applicable
        assert "expected:" in lines and "found:" in lines and "try:" in lines, f"{figure.name}: {lines}"
        assert "Error" not in lines and "nan" not in lines.lower()
    else:
        pairs = [figure.interval, *figure.intervals.values(), *figure.baseline_intervals.values()]
        numbers = [figure.value, figure.chance, *figure.baselines.values(), *(e for p in pairs if p for e in p)]
        assert all(math.isfinite(number) for number in numbers if number is not None), figure.name


#: What is wrong -> the data, and the metrics no figure of which has a value then.
HOPELESS = {
    "no samples": (lambda: evidence(keep=lambda c, s: c < 0), EVERY),
    "one sample": (lambda: evidence(keep=lambda c, s: np.arange(len(c)) == 0), EVERY - {"reconstruction"}),
    "two samples": (
        lambda: evidence(keep=lambda c, s: np.isin(np.arange(len(c)), [0, 20])),
        EVERY - {"reconstruction"},
    ),
    "no labels": (
        lambda: evidence(content=-1, style=-1),
        {"few_shot", "probes", "blocks", "swap_error", "swap_labels", "variance_ratio"},
    ),
    "one content": (
        lambda: evidence(keep=lambda c, s: c == 2),
        {"few_shot", "blocks", "swap_error", "swap_labels", "variance_ratio"},
    ),
    "one style": (lambda: evidence(keep=lambda c, s: s == 1), {"blocks", "swap_error", "swap_labels"}),
    "fewer contents than ways": (lambda: evidence(keep=lambda c, s: c < 2), {"few_shot"}),
    "fewer samples than shots and queries": (
        lambda: evidence(keep=lambda c, s: np.unique(c, return_index=True)[1][c] == np.arange(len(c))),
        EVERY - {"reconstruction"},
    ),
    "constant codes": (
        lambda: evidence(code=lambda z: 0 * z + 0.1),
        {"reconstruction", "swap_error", "variance_ratio"},
    ),
}


@pytest.mark.parametrize("wrong", HOPELESS)
def test_what_cannot_be_measured_says_why(wrong):
    make, absent = HOPELESS[wrong]
    found = measured(make())
    for name, figures in found.items():
        assert figures, f"{name} says nothing"
        for figure in figures:
            check(figure)
        headless = [figure for figure in figures if figure.name.startswith(name) or name in ("probes", "blocks")]
        if name in absent:
            assert all(f.value is None for f in headless if "_pixels" not in f.name), [
                f.name for f in figures if f.value
            ]
        else:
            assert wrong in ("no labels", "one content", "one style") or any(f.value is not None for f in figures), name


#: Data that look odd and are none the worse: every metric measures them.
ODD = {
    "an empty class": lambda: evidence(keep=lambda c, s: c != 2),
    "a class of one sample": lambda: evidence(keep=lambda c, s: (c != 2) | (np.arange(len(c)) == 2 * STYLES * REPEATS)),
    "some samples without labels": lambda: without_some_labels(evidence()),
    "codes far from zero": lambda: evidence(code=lambda z: z * 1e-3 + 100),
    "a dead number": lambda: evidence(code=lambda z: z * np.array([1, 1, 0, 1, 1, 0], np.float32)),
}


def without_some_labels(given):
    hide = lambda labels: np.where(np.arange(len(labels)) % 7 == 0, -1, labels)
    return replace(
        given,
        populations={
            name: replace(each, labels={role: hide(labels) for role, labels in each.labels.items()})
            for name, each in given.populations.items()
        },
    )


@pytest.mark.parametrize("odd", ODD)
def test_what_only_looks_odd_is_measured(odd):
    few = {"few_shot"} if odd == "a class of one sample" else set()
    for name, figures in measured(ODD[odd]()).items():
        for figure in figures:
            check(figure)
        assert name in few or any(figure.value is not None for figure in figures), name


def test_constant_codes_are_at_chance_and_know_nothing_of_each_other():
    found = measured(evidence(code=lambda z: 0 * z + 0.1), {"few_shot", "probes", "mutual_information", "scalar"})
    figures = {figure.name: figure for each in found.values() for figure in each}
    assert figures["few_shot/what/unseen_content"].value == pytest.approx(1 / 3)
    assert figures["alignment/what/content"].value == pytest.approx(1 / CONTENTS)
    assert figures["mutual_information/what/how"].value < 1e-6
    for name in ("mig", "modularity", "irs", "factor_vae", "dci_linear/disentanglement"):
        assert figures[f"scalar/{name}"].value == 0, name
    assert figures["scalar/explicitness"].value == pytest.approx(0.5)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_nan_in_codes_is_an_error_that_names_whose_and_how_many(number):
    with pytest.raises(NonFiniteError) as caught:
        evidence(code=lambda z: np.where(np.arange(len(z))[:, None] == 3, np.float32(number), z))
    assert caught.value.found == "1 of 72 samples are not, the first at position 3"
    assert "latents" in caught.value.problem and caught.value.hint


@pytest.mark.parametrize("name", ["swap_error", "swap_labels", "reconstruction"])
@pytest.mark.parametrize("whose", ["entangle", "random_entangle"])
def test_a_head_that_entangles_to_nan_is_a_failure_in_words_and_not_a_figure(name, whose):
    broken = replace(evidence(), **{whose: lambda factors: join(factors) * np.float32(np.nan)})
    entry = get_registry().resolve("metric", name)
    figures, failures = measure(broken, [(entry, SETTINGS.get(name, {}))], frozenset({"entangle", "decode"}))
    assert not figures
    assert failures[name].startswith("NonFiniteError: entangled latents")
    assert ("untrained" in failures[name]) == (whose == "random_entangle")


def test_labels_of_other_rows_are_refused_where_they_come_together():
    whole = population()
    for field, value in (
        ("labels", {"content": np.zeros(5, dtype=np.int64)}),
        ("factors", {"what": np.zeros((5, 2), np.float32)}),
        ("known", {"size": np.zeros(5, dtype=np.int64)}),
        ("z", np.zeros((5, 6), np.float32)),
    ):
        with pytest.raises(ProtocolError, match="do not match the samples") as caught:
            replace(whole, **{field: value})
        assert (caught.value.found, caught.value.expected) == ("5", "72 rows, one a sample")


def test_a_figure_is_never_nan():
    for given in (
        {"value": float("nan")},
        {"value": 1.0, "interval": (0.0, float("inf"))},
        {"value": 1.0, "baselines": {"raw latents": float("nan")}},
        {"value": 1.0, "chance": float("nan")},
        {"value": 1.0, "intervals": {"classes": (float("nan"), 1.0)}},
    ):
        with pytest.raises(NonFiniteError, match="is no number"):
            Figure(name="a", summary="", **given)


Y = np.repeat(np.arange(3), 10)
CODES = np.random.default_rng(0).normal(size=(30, 4))
BROKEN = np.where(np.arange(30)[:, None] == 7, np.nan, CODES)
TABLE = draw_episodes(Y, ways=3, shots=1, queries=1, episodes=4, seed=0)
FACTORS = np.stack([Y, np.arange(30) % 2], 1)
PARTS = {"train": np.arange(0, 30, 2), "test": np.arange(1, 30, 2)}
EITHER = {"train": np.arange(20), "test": np.arange(20, 30)}
SCORES = {
    "mig": mig,
    "modularity": modularity,
    "irs": irs,
    "beta_vae": lambda z, y: beta_vae(z, y, rng=np.random.default_rng(0), train=20, test=10),
    "factor_vae": lambda z, y: factor_vae(z, y, rng=np.random.default_rng(0), train=20, test=10),
    "sap": lambda z, y: sap(z, y, **EITHER),
    "dci_linear": lambda z, y: dci_linear(z, y, **EITHER),
    "dci_gbt": lambda z, y: dci_gbt(z, y, **EITHER),
    "explicitness": lambda z, y: explicitness(z, y, **EITHER),
}


@pytest.mark.parametrize(
    ("call", "error"),
    [
        *((lambda f=f: f(BROKEN, FACTORS), NonFiniteError) for f in SCORES.values()),
        *((lambda f=f: f(CODES, FACTORS[:-1]), ProtocolError) for f in SCORES.values()),
        *((lambda f=f: f(CODES, FACTORS * 0), ProtocolError) for f in SCORES.values()),
        *((lambda f=f: f(CODES[:0], FACTORS[:0]), ProtocolError) for f in SCORES.values()),
        *((lambda f=f: f(CODES[:1], FACTORS[:1]), ProtocolError) for f in SCORES.values()),
        (lambda: mig(CODES[:, :1], FACTORS), ProtocolError),
        (lambda: sap(CODES[:, :1], FACTORS, **EITHER), ProtocolError),
        (lambda: explicitness(CODES, FACTORS, train=PARTS["train"], test=PARTS["test"]), ProtocolError),
        (lambda: probe({"a": BROKEN}, Y, seed=0), NonFiniteError),
        (lambda: probe({"a": CODES}, Y[:-1], seed=0), ProtocolError),
        (lambda: probe({"a": CODES}, Y * 0 - 1, seed=0), ProtocolError),
        (lambda: train_judge(CODES, Y * 0, seed=0), ProtocolError),
        (lambda: train_judge(CODES, Y[:-1], seed=0), ProtocolError),
        (lambda: train_judge(BROKEN, Y, seed=0), NonFiniteError),
        (lambda: few_shot_accuracy(BROKEN, TABLE), NonFiniteError),
        (lambda: few_shot_accuracy(CODES[:9], TABLE), ProtocolError),
        (lambda: few_shot_accuracy(CODES, EpisodeTable(**empty())), ProtocolError),
        (lambda: draw_episodes(Y * 0 - 1, ways=2, shots=1, queries=1, episodes=1, seed=0), ProtocolError),
        (lambda: mutual_information(CODES, CODES[:-1], seed=0), ProtocolError),
        (lambda: mutual_information(BROKEN, CODES, seed=0), NonFiniteError),
        (lambda: mutual_information(CODES, CODES[:, :0], seed=0), ProtocolError),
    ],
)
def test_core_functions_refuse_with_what_was_expected_and_found(call, error):
    with pytest.raises(error) as caught:
        call()
    assert isinstance(caught.value, UnbraidError)
    assert caught.value.expected is not None and caught.value.found is not None and caught.value.hint


def empty():
    return {name: np.zeros((0, 3, 1), dtype=np.int64) for name in ("support", "query")} | {
        "classes": np.zeros((0, 3), dtype=np.int64)
    }
