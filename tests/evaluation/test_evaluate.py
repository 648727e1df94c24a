"""Evaluating an attached model: what goes in, what comes out, and what it says of itself."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import unbraid
from unbraid.core.errors import ConfigError, ProtocolError, UnknownNameError
from unbraid.core.evaluation import RANDOM, RAW, Evaluation, Figure
from unbraid.core.evaluation.gather import Modes, gather_evidence
from unbraid.core.freezing import FrozenGuard
from unbraid.core.interfaces import Posterior
from unbraid.core.latents import encode_dataset
from unbraid.registry import MetricSpec, Registry, get_registry, hookimpl, use_registry

QUICK = {
    "few_shot": {"ways": 3},
    "probes": {"seeds": 1, "epochs": 1, "hidden": 8},
    "reconstruction": {},
    "swap_error": {},
}


class Principal(nn.Module):
    """The best linear autoencoder of the training pictures, one way or the other."""

    def __init__(self, mean, directions, decode):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("directions", directions)
        self.decode = decode

    def forward(self, x):
        if self.decode:
            return (x @ self.directions.T + self.mean).clamp(0, 1).view(-1, 1, 28, 28)
        return Posterior((x.flatten(1) - self.mean) @ self.directions)


@pytest.fixture(scope="module")
def glyphs():
    return unbraid.load_dataset("glyphs")


@pytest.fixture(scope="module")
def backbone(glyphs):
    x = torch.from_numpy(glyphs.images[glyphs.rows(content="train", style="train")]).flatten(1).float() / 255
    mean = x.mean(0)
    directions = torch.linalg.eigh((x - mean).T @ (x - mean)).eigenvectors[:, -24:]
    return unbraid.freeze(
        Principal(mean, directions, False),
        Principal(mean, directions, True),
        input=(1, 28, 28),
        trained_on="glyphs:train",
    )


@pytest.fixture(scope="module")
def latents(backbone, glyphs):
    return encode_dataset(backbone, glyphs)


@pytest.fixture(scope="module")
def fitted(backbone, glyphs, latents):
    model = unbraid.attach("fden", backbone)
    model.fit(glyphs, steps=30, latents=latents, quiet=True)
    return model


@pytest.fixture(scope="module")
def evaluation(fitted, glyphs, latents):
    return fitted.evaluate(glyphs, metrics=QUICK, episodes=100, latents=latents)


def test_the_same_evaluation_twice_is_the_same_bytes_and_touches_nothing(fitted, glyphs, latents, evaluation, tmp_path):
    fitted.head.train()
    guard = FrozenGuard(fitted.backbone)
    before = {name: tensor.clone() for name, tensor in fitted.head.state_dict().items()}
    torch.manual_seed(123)
    np.random.seed(123)
    state = torch.get_rng_state(), np.random.get_state()[1].copy()
    again = fitted.evaluate(glyphs, metrics=QUICK, episodes=100)
    assert again.save(tmp_path / "a.json").read_bytes() == evaluation.save(tmp_path / "b.json").read_bytes()
    guard.verify()
    assert fitted.head.training
    assert all(torch.equal(before[name], tensor) for name, tensor in fitted.head.state_dict().items())
    assert torch.equal(state[0], torch.get_rng_state()) and (state[1] == np.random.get_state()[1]).all()


@pytest.mark.slow
def test_two_commands_with_every_metric_at_its_default_write_the_same_bytes(tmp_path):
    """In processes of their own, report and maps included; the backbone is one that a head brings back by itself."""
    model = unbraid.attach("fden", unbraid.load_backbone("vae", weights="builtin:glyphs"))
    model.fit(unbraid.load_dataset("glyphs"), steps=30, quiet=True)
    model.save(tmp_path / "head")
    written = []
    for out in (tmp_path / "a", tmp_path / "b"):
        command = [
            sys.executable,
            "-m",
            "unbraid",
            "evaluate",
            str(tmp_path / "head"),
            "--dataset",
            "glyphs",
            "--out",
            str(out),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
        assert done.returncode == 0, done.stderr
        written.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert set(written[0]) == {"metrics.json", "report.html"}
    assert written[0] == written[1]
    measured = {
        name.partition("/")[0] for name in (f["name"] for f in json.loads(written[0]["metrics.json"])["figures"])
    }
    assert {
        "few_shot",
        "leakage",
        "block_mig",
        "mutual_information",
        "scalar",
        "swap_error",
        "swap_labels_pixels",
    } <= measured


def test_what_is_saved_is_read_back_and_what_is_asked_for_by_a_wrong_name_has_near_matches(evaluation, tmp_path):
    assert Evaluation.load(evaluation.save(tmp_path / "metrics.json")) == evaluation
    with pytest.raises(UnknownNameError, match="few_shot/identity/unseen_content"):
        evaluation.figure("few_shot/identity/unseen_contents")


def test_every_figure_has_chance_baselines_interval_and_protocol(evaluation):
    assert not evaluation.failures
    for figure in evaluation.figures:
        assert figure.not_applicable is None
        assert figure.chance is not None and figure.interval is not None and figure.summary
        assert {RAW, RANDOM} <= set(figure.baselines)
        assert figure.baselines[RAW] is not None
        assert figure.protocol["population"] in evaluation.protocol["populations"]


def test_the_protocol_says_what_was_measured(evaluation, glyphs, fitted):
    protocol = evaluation.protocol
    assert protocol["backbone_saw_test_classes"] == "no"
    assert protocol["dataset"]["fingerprint"] == glyphs.fingerprint
    assert protocol["backbone"]["fingerprint"] == fitted.backbone.fingerprint
    assert (protocol["latent_mode"], protocol["factor_mode"]) == ("mean", "mean")
    counts = {name: (p["contents"], p["styles"], p["samples"]) for name, p in protocol["populations"].items()}
    assert counts == {
        "train": (90, 24, 2160),
        "unseen_content": (30, 24, 720),
        "unseen_style": (90, 7, 630),
        "unseen_both": (30, 7, 210),
    }


def test_every_metric_can_be_asked_for_and_what_samples_is_redrawn(fitted, glyphs, latents):
    metrics = {
        "blocks": QUICK["probes"],
        "mutual_information": {"steps": 100, "samples": 500},
        "scalar": {},
        "swap_labels": {"swaps": 50, "donors": 3},
    }
    assert {*metrics, *QUICK} <= set(get_registry().metrics())
    found = fitted.evaluate(glyphs, metrics=metrics, latents=latents)
    assert not found.failures
    absent = {figure.name for figure in found.figures if figure.value is None}
    assert absent == {"scalar"}  # no known factors
    again = fitted.evaluate(glyphs, metrics=metrics, latents=latents)
    assert again.to_json() == found.to_json()


def test_sampled_factors_are_redrawn_and_draw_nought_is_what_the_population_holds(fitted, glyphs, latents):
    modes = Modes(factor="sample")
    evidence = gather_evidence(fitted, glyphs, latents, seed=0, episodes=10, modes=modes)
    assert evidence.factor_mode == "sample"
    factors, _ = evidence.redraw("unseen_both", 0)
    for name, factor in evidence.populations["unseen_both"].factors.items():
        np.testing.assert_array_equal(factors[name], factor)
    assert gather_evidence(fitted, glyphs, latents, seed=0, episodes=10, modes=Modes()).redraw is None


def test_metrics_see_the_factors_that_users_get(fitted, glyphs, latents):
    evidence = gather_evidence(fitted, glyphs, latents, seed=0, episodes=10, modes=Modes())
    population = evidence.populations["unseen_both"]
    images = glyphs.images[population.rows]
    np.testing.assert_array_equal(population.labels["content"], glyphs.labels["content"][population.rows])
    for name, factor in fitted.disentangle(images).items():
        np.testing.assert_allclose(population.factors[name], factor.flatten(1).numpy(), atol=2e-4)
    np.testing.assert_allclose(
        evidence.decode(evidence.entangle(population.factors)), fitted.reconstruct(images).numpy(), atol=1e-4
    )
    train = evidence.populations["train"].z
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(train.std(0), 1, atol=1e-4)
    score = evidence.score(population.factors["identity"][:5], population.factors["identity"][5:10])
    np.testing.assert_allclose(
        score, fitted.latents.score(fitted.encode(images[:5]), fitted.encode(images[5:10])), atol=2e-4
    )


def test_a_method_that_does_not_train_has_no_untrained_head_to_beat_and_equals_the_raw_latents(
    backbone, glyphs, latents
):
    model = unbraid.attach("prototype", backbone, network="raw")
    model.fit(glyphs, latents=latents, quiet=True)
    found = model.evaluate(glyphs, metrics=QUICK, episodes=50, latents=latents)
    figure = found.figure("few_shot/embedding/unseen_content")
    assert figure.value == pytest.approx(figure.baselines[RAW])
    assert figure.baselines[RANDOM] is None
    assert "does not train" in figure.protocol["random_head"]
    absent = {each.name: each.not_applicable for each in found.figures if each.value is None}
    assert set(absent) == {"reconstruction", "swap_error"}
    assert all("entangle" in reason for reason in absent.values())
    assert "not applicable" in found.table()


def broken(evidence):
    raise ZeroDivisionError("the sum of nothing")


def refusing(evidence):
    raise ProtocolError("there are too few moons", expected="two", found="one")


def counting(evidence):
    return [Figure(name="counting", value=float(len(evidence.populations["train"])), summary="Rows.", unit="nats")]


class Manifest:
    @hookimpl
    def unbraid_metrics(self):
        names = ("broken", "refusing", "counting")
        return [MetricSpec(name=name, target=f"{__name__}:{name}", summary=name) for name in names]


@pytest.fixture
def with_third_party(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or __import__(__name__))
    with use_registry(Registry([*get_registry().manifests, Manifest()])):
        yield


def test_a_metric_that_breaks_is_named_and_the_others_go_on(fitted, glyphs, latents, with_third_party):
    found = fitted.evaluate(glyphs, metrics=["broken", "refusing", "counting"], latents=latents)
    assert found.failures == {"broken": "ZeroDivisionError: the sum of nothing"}
    assert found.figure("counting").value == 2160
    assert "too few moons" in found.figure("refusing").not_applicable
    assert "FAILED" in found.table() and "the sum of nothing" in found.table()


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"metrics": ["few-shot"]}, UnknownNameError, "few_shot"),
        ({"metrics": {"few_shot": {"shot": 5}}}, ConfigError, "shots"),
        ({"episodes": 0}, ConfigError, "episodes"),
    ],
)
def test_misuse_is_answered_before_the_work(fitted, glyphs, settings, error, says):
    with pytest.raises(error, match=says):
        fitted.evaluate(glyphs, **settings)


def test_a_figure_without_a_value_must_say_why():
    with pytest.raises(ConfigError):
        Figure(name="a", value=None, summary="")
    with pytest.raises(ConfigError):
        Figure(name="a", value=1.0, summary="", not_applicable="because")
