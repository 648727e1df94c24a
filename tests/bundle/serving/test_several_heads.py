"""Several heads over one backbone: one encoder and one decoder on disk and in memory."""

import json
import shutil

import numpy as np
import pytest
import torch

import unbraid
from unbraid.core.artefacts import write_json
from unbraid.core.artefacts.manifest import MANIFEST, describe_folder
from unbraid.core.errors import (
    BackboneMismatchError,
    CapabilityError,
    ConfigError,
    DamagedArtefactError,
    UnknownNameError,
)
from unbraid.core.interfaces import Factor, Graph


@pytest.fixture(scope="module")
def models(toys, exported):
    """The head of all tests, and a plain one with a factor of the same name as one of its."""

    class Halves(toys.ToyHead):
        factors = (Factor("hand", (3,), "content"), Factor("others", (5,), "style"))
        capabilities = frozenset()

        def graphs(self):
            return {"disentangle": Graph(HalvesGraph(toys), {"latent": (8,)}, {"hand": (3,), "others": (5,)})}

        def disentangle(self, z):
            return {"hand": z[:, :3], "others": z[:, 3:]}

    return {"toy": exported.model, "halves": toys.make_model(exported.model.backbone, Halves())}


class HalvesGraph(torch.nn.Module):
    def __init__(self, toys):
        super().__init__()
        self.first, self.second = toys.Cut(0, 3), toys.Cut(3, 8)

    def forward(self, latent):
        return self.first(latent), self.second(latent)


@pytest.fixture(scope="module")
def folder(models, exported, tmp_path_factory):
    path = tmp_path_factory.mktemp("several") / "bundle"
    unbraid.export_bundle(models, path, images=exported.images[:16], samples=3)
    return path


@pytest.fixture(scope="module")
def bundle(folder):
    return unbraid.load_bundle(folder)


def close(found, expected):
    assert np.abs(found - expected.numpy()).max() <= 1e-5 * max(1.0, float(expected.abs().max()))


def test_encoder_and_decoder_are_there_once(folder, exported):
    names = {path.name for path in (folder / "models").iterdir()}
    own = {f"toy-{verb}" for verb in exported.model.head.graphs()} | {"halves-disentangle"}
    assert names == own | {"encode", "decode", "toy-factors", "halves-factors"}
    single = exported.folder / "models/encode/1/model.onnx"
    assert (folder / "models/encode/1/model.onnx").read_bytes() == single.read_bytes()


def test_each_head_does_what_its_model_does(bundle, models, exported):
    x = exported.images[:5]
    assert set(bundle.heads) == {"toy", "halves"}
    for name, model in models.items():
        found, expected = bundle.head(name).disentangle(x.numpy()), model.disentangle(x)
        assert list(found) == list(expected) == [factor.name for factor in bundle.head(name).factors]
        for factor in expected:
            close(found[factor], expected[factor])
    a, b = x[:2], x[2:4]
    close(bundle.head("toy").transfer(content=a.numpy(), style=b.numpy()), models["toy"].transfer(content=a, style=b))
    assert bundle.head("toy").capabilities == {"classify", "decode", "entangle", "score"}
    assert bundle.head("halves").capabilities == {"decode"}
    with pytest.raises(CapabilityError, match="cannot entangle"):
        bundle.head("halves").reconstruct(x.numpy())


def test_heads_share_what_is_open(folder, exported):
    bundle = unbraid.load_bundle(folder)
    first, second = bundle.head("toy"), bundle.head("halves")
    z = first.encode(exported.images[:2].numpy())
    assert np.array_equal(bundle.encode(exported.images[:2].numpy()), z)
    sessions = [each._graphs.session("encode") for each in (bundle, first, second, first.head("toy"))]
    assert all(session is sessions[0] for session in sessions)
    assert first._graphs.session("disentangle") is bundle._graphs.session("toy-disentangle")
    assert second._graphs.session("disentangle") is bundle._graphs.session("halves-disentangle")


def test_without_a_choice_backbone_and_graphs_work_and_verbs_say_to_choose(bundle, exported):
    z = bundle.encode(exported.images[:2].numpy())
    assert bundle.decode(z).shape == (2, 1, 8, 8)
    assert bundle.run("halves-disentangle", {"latent": z})["hand"].shape == (2, 3)
    for call in (
        lambda: bundle.disentangle(exported.images[:2].numpy()),
        lambda: bundle.factors,
        lambda: bundle.capabilities,
        lambda: bundle.manifest.roles,
    ):
        with pytest.raises(CapabilityError, match=r"head\("):
            call()
    with pytest.raises(UnknownNameError, match="did you mean 'toy'"):
        bundle.head("toys")


def test_samples_of_all_heads_are_checked_by_any(bundle):
    figures = bundle.verify()
    assert {"encode", "toy-disentangle", "halves-disentangle", "decode"} <= figures.keys()
    assert bundle.head("halves").verify() == figures


def test_ensembles_lead_to_each_head(folder):
    text = (folder / "models/halves-factors/config.pbtxt").read_text()
    assert 'model_name: "encode"' in text and 'model_name: "halves-disentangle"' in text


def test_one_head_under_a_name_keeps_plain_graph_names(models, exported, tmp_path):
    report = unbraid.export_bundle(
        {"halves": models["halves"]}, tmp_path / "one", images=exported.images[:2], samples=1
    )
    bundle = unbraid.load_bundle(report.path)
    assert set(report.graphs) == {"encode", "disentangle", "decode"} and bundle.heads == ("halves",)
    assert bundle.disentangle(exported.images[:2].numpy()).keys() == {"hand", "others"}


def test_heads_of_different_backbones_are_refused_before_any_work(toys, exported, tmp_path):
    other = toys.make_model()
    with pytest.raises(BackboneMismatchError) as caught:
        unbraid.export_bundle({"a": exported.model, "b": other}, tmp_path / "bundle")
    assert exported.model.backbone.fingerprint in str(caught.value) and other.backbone.fingerprint in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", [(), ("Big",), ("a-b",), ("../up",), ("",), ("a" * 33,)])
def test_heads_need_names_that_can_be_part_of_an_address(exported, tmp_path, names):
    with pytest.raises(ConfigError, match="heads need names"):
        unbraid.export_bundle(dict.fromkeys(names, exported.model), tmp_path / "bundle")


def test_a_head_that_claims_the_graph_of_another_is_refused(folder, tmp_path):
    copied = shutil.copytree(folder, tmp_path / "bundle")
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["heads"]["halves"]["graphs"]["disentangle"] = "toy-disentangle"
    write_json(copied / "manifest.json", manifest)
    (copied / MANIFEST).unlink()
    write_json(copied / MANIFEST, describe_folder(copied, "bundle"))
    with pytest.raises(DamagedArtefactError, match="'halves' is malformed"):
        unbraid.load_bundle(copied)
