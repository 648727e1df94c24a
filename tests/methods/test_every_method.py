"""What every built-in method does, whichever it is: listed as it is, learns a batch by heart, refuses what it cannot use."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import zoo_backbones
import zoo_data
from click.testing import CliRunner

import unbraid
from unbraid.core.cli.main import cli
from unbraid.core.errors import CapabilityError, ConfigError, LabelError
from unbraid.core.latents import encode_dataset
from unbraid.core.training import ObjectiveRunner
from unbraid.registry import get_registry

METHODS = sorted(name for name, entry in get_registry().disentanglers().items() if entry.built_in)
#: Terms to look at where the whole loss is a game, or has a part that rises.
WATCHED = {"fden": ("reconstruction", "alignment")}
STEPS = 50


def spec_of(method):
    return get_registry().disentanglers()[method].spec


def backbones_of(method, kind="vector"):
    make = getattr(zoo_backbones, kind)
    return make() if spec_of(method).domains == 1 else {"left": make(0), "right": make(1)}


def attach(method, kind="vector", **settings):
    return unbraid.attach(method, backbones_of(method, kind), device="cpu", **settings)


def data_of(model, dataset):
    return {name: dataset for name in model.backbones} if len(model.backbones) > 1 else dataset


@pytest.fixture(scope="module")
def stripes():
    return zoo_data.stripes()


def some(dataset, rows):
    """The data set with these rows alone."""
    return replace(dataset, images=dataset.images[rows], labels={r: found[rows] for r, found in dataset.labels.items()})


def test_list_shows_supervision_factors_and_paper(stripes):
    shown = CliRunner().invoke(cli, ["list", "methods"]).output
    plain = json.loads(CliRunner().invoke(cli, ["list", "methods", "--json"]).output)["methods"]
    rows = {item["name"]: item for item in plain}
    assert set(METHODS) <= set(rows)
    for method in METHODS:
        spec, row = spec_of(method), rows[method]
        assert row["supervision"] == spec.supervision and row["paper"] == spec.reference
        (line,) = (line for line in shown.splitlines() if line.split()[:1] == [method])
        assert spec.supervision in line.split() and all(factor in line for factor in row["factors"])


@pytest.mark.parametrize("method", METHODS)
def test_declared_factors_are_those_of_the_head(method, stripes):
    model = attach(method)
    model.fit(data_of(model, stripes), steps=0, quiet=True)
    assert dict(spec_of(method).factors) == {factor.name: factor.role for factor in model.head.factors}


@pytest.mark.parametrize("kind", ["vector", "feature_map"])
@pytest.mark.parametrize("method", METHODS)
def test_fifty_steps_learn_one_batch_by_heart(method, kind, stripes):
    """Each objective, on one batch with one draw of noise, descends by its own optimiser on its own parameters."""
    model = attach(method, kind)
    data = data_of(model, stripes)
    model.fit(data, steps=0, quiet=True)  # builds what waits for the classes
    sources = {
        name: encode_dataset(backbone, stripes, device="cpu").subset(torch.from_numpy(stripes.training_rows()))
        for name, backbone in model.backbones.items()
    }
    head = model.head
    head.prepare(sources)
    objectives = head.objectives(model.backbones)
    if not objectives:
        assert not list(head.parameters())
        return
    head.train()
    for objective in objectives:
        runner = ObjectiveRunner(objective, sources, torch.device("cpu"))
        before = watched(method, runner)
        for _ in range(STEPS):
            runner.backward(runner.losses(0, "one", 0))
            runner.optimiser.step()
        after = watched(method, runner)
        assert after < before - 0.1 * abs(before), objective.name


def watched(method, runner):
    terms = runner.losses(0, "one", 0)
    names = WATCHED.get(method, tuple(terms))
    return sum(float(terms[name].value.detach()) * terms[name].weight for name in names)


def refused(model, data, kind, match=None):
    """Check that a fit is refused in words before its first step."""
    with pytest.raises(kind, match=match) as caught:
        model.fit(data, steps=3, quiet=True)
    assert "expected" in str(caught.value) and "found" in str(caught.value) and caught.value.exit_code == 2
    assert model.network is None or all(p.grad is None for p in model.head.parameters())


TRAINED = [method for method in METHODS if method != "slice"]
#: Methods that compare rows of one class.
GROUPED = [method for method in TRAINED if method in ("cycle_vae", "mathieu", "szabo", "fden", "prototype", "matching")]


@pytest.mark.parametrize("method", TRAINED)
def test_no_rows_to_train_on(method, stripes):
    empty = some(stripes, stripes.rows(content="test"))
    model = attach(method)
    data = {"left": stripes, "right": empty} if len(model.backbones) > 1 else empty
    refused(model, data, LabelError)


@pytest.mark.parametrize("method", GROUPED)
def test_one_row_a_class(method, stripes):
    _, first = np.unique(stripes.labels["content"], return_index=True)
    refused(attach(method), some(stripes, first), LabelError, "content")


@pytest.mark.parametrize("method", [method for method in METHODS if spec_of(method).domains > 1])
def test_domains_with_other_classes(method, stripes):
    names = unbraid.LabelSpec("pattern", tuple(f"other {i}" for i in range(20)))
    refused(attach(method), {"left": stripes, "right": replace(stripes, content=names)}, LabelError, "same classes")
    without = some(stripes, np.flatnonzero(stripes.labels["content"] != 3))
    refused(attach(method), {"left": stripes, "right": without}, LabelError, "p3")


#: What makes a method flatten a map, or ask for one; `slice` has nothing to flatten with.
FLATTENING = {
    **{name: {"network": "mlp"} for name in ("cycle_vae", "mathieu", "szabo")},
    **{name: {"map": "flattened"} for name in ("fden", "prototype")},
    **{name: {} for name in ("dr_gan", "jade", "matching", "m2", "nvae")},
}


def wide_backbone():
    """Latents are maps of 72 x 72."""
    return unbraid.freeze(torch.nn.Identity(), torch.nn.Identity(), input=(1, 72, 72))


@pytest.mark.parametrize("method", FLATTENING)
def test_a_map_too_wide_to_be_flattened(method, stripes):
    large = replace(stripes, images=np.kron(np.asarray(stripes.images), np.ones((1, 1, 9, 9), np.uint8)))
    joined = spec_of(method).domains > 1
    backbone = {"left": wide_backbone(), "right": wide_backbone()} if joined else wide_backbone()
    with pytest.raises(CapabilityError, match="too wide"):
        model = unbraid.attach(method, backbone, **FLATTENING[method])
        model.fit(data_of(model, large), steps=3, quiet=True)  # where the network waits for the classes


@pytest.mark.parametrize("method", ["cycle_vae", "mathieu", "szabo"])
def test_networks_of_pictures_on_a_vector(method):
    with pytest.raises(CapabilityError, match="convol"):
        attach(method, network="convolutional")


def test_ranges_outside_of_the_latent():
    with pytest.raises(ConfigError, match="range"):
        attach("slice", specified=(4, 40), unspecified=(0, 4))


def test_every_method_is_among_those_asked():
    assert set(FLATTENING) == set(TRAINED)
