"""What every backbone adapter promises, checked on one small model of each (and each kind of latent it has)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import torch
from backbone_rows import ROWS, Row

from unbraid.core.catalogue import load_backbone
from unbraid.core.errors import ArtefactError, CapabilityError, ConfigError, MissingDependencyError
from unbraid.core.export import TOLERANCE, from_bytes, to_onnx
from unbraid.core.freezing import FrozenGuard
from unbraid.core.interfaces import Backbone, Graph
from unbraid.core.serving.session import open_session, run_session
from unbraid.registry import BackboneSpec, get_registry, missing_requirements

#: Run in a process of its own: the fingerprints of all rows, from nothing but name and settings.
FINGERPRINTS = """
import json, sys
from unbraid.core.catalogue import load_backbone
asked = json.load(sys.stdin)
json.dump([load_backbone(name, **settings).fingerprint for name, settings in asked], sys.stdout)
"""


Settings = Callable[[Row], dict[str, object]]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Row -> settings of `load_backbone`, made once."""
    return cache(lambda row: row.settings_in(tmp_path_factory.mktemp(row.name)))


@pytest.fixture(
    scope="module", params=[pytest.param(row, id=row.id, marks=[pytest.mark.slow] * row.slow) for row in ROWS]
)
def row(request: pytest.FixtureRequest) -> Row:
    found: Row = request.param
    return found


@pytest.fixture(scope="module")
def backbone(row: Row, settings: Settings) -> Iterator[Backbone]:
    _skip_without_libraries(row)
    loaded = load_backbone(row.name, **settings(row))
    guard = FrozenGuard(loaded)
    yield loaded
    guard.verify()  # nothing that any test here did moved it


@pytest.fixture(scope="module")
def pictures(backbone: Backbone) -> torch.Tensor:
    return torch.rand(5, *backbone.info.input.shape, generator=torch.Generator().manual_seed(1))


def test_the_latent_is_as_declared(row: Row, backbone: Backbone, pictures: torch.Tensor) -> None:
    info = backbone.info
    assert info.adapter == row.name
    posterior = backbone.posterior(pictures)
    assert posterior.mean.shape == (5, *info.latent.shape) and posterior.mean.dtype == torch.float32
    assert (posterior.log_variance is not None) == info.latent.stochastic
    if posterior.log_variance is not None:
        assert posterior.log_variance.shape == posterior.mean.shape
        assert bool(posterior.log_variance.isfinite().all())
    assert bool(posterior.mean.isfinite().all()) and float(posterior.mean.std()) > 0


def test_a_row_does_not_depend_on_its_neighbours(backbone: Backbone, pictures: torch.Tensor) -> None:
    together, alone = backbone.encode(pictures), torch.cat([backbone.encode(each[None]) for each in pictures])
    scale = max(1.0, float(together.abs().max()))
    assert float((together - alone).detach().abs().max()) <= TOLERANCE * scale


def test_the_inverse_is_as_declared(row: Row, backbone: Backbone, pictures: torch.Tensor) -> None:
    info, z = backbone.info, backbone.encode(pictures)
    assert (info.inverse == "none") == ("decode" not in info.capabilities) == (backbone.decoder is None)
    if info.inverse == "none":
        with pytest.raises(CapabilityError, match="decode"):
            backbone.decode(z)
        return
    back = backbone.decode(z)
    assert back.shape == pictures.shape and back.dtype == torch.float32
    assert 0 <= float(back.min()) and float(back.max()) <= 1
    if info.inverse == "exact":
        assert float((back - pictures).detach().abs().max()) < row.exact


def test_gradients_flow_as_declared(backbone: Backbone, pictures: torch.Tensor) -> None:
    """To the images through the encoder, to the latents through the decoder; never to the weights."""
    images = pictures[:2].clone().requires_grad_()
    z = backbone.encode(images)
    if "gradient" not in backbone.info.capabilities:
        assert not z.requires_grad
        return
    (z * torch.randn(z.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    assert images.grad is not None and float(images.grad.abs().sum()) > 0
    if backbone.decoder is not None:
        latents = z.detach().requires_grad_()
        negative = 1 - images.detach()  # an exact inverse has no error to move by
        (backbone.decode(latents) - negative).square().sum().backward()
        assert latents.grad is not None and float(latents.grad.abs().sum()) > 0
    assert all(parameter.grad is None for parameter in backbone.parameters())


def test_the_stated_config_brings_the_backbone_back(backbone: Backbone, pictures: torch.Tensor) -> None:
    again = load_backbone(backbone.info.adapter, **json.loads(json.dumps(dict(backbone.info.config))))
    assert again.fingerprint == backbone.fingerprint
    assert torch.equal(again.encode(pictures), backbone.encode(pictures))


@pytest.mark.parametrize("slow", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_fingerprints_are_the_same_in_another_process(settings: Settings, slow: bool) -> None:
    rows = [
        row for row in ROWS if not missing_requirements(_spec(row)) and (slow or not (row.slow or _spec(row).requires))
    ]
    asked = [(row.name, settings(row)) for row in rows]
    done = subprocess.run(
        [sys.executable, "-c", FINGERPRINTS],
        input=json.dumps(asked),
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout)
    ours = [load_backbone(name, **given).fingerprint for name, given in asked]
    assert theirs == ours and len(set(ours)) == len(ours)


@pytest.mark.parametrize("stage", ["encode", "decode"])
def test_graphs_give_what_torch_gives(backbone: Backbone, pictures: torch.Tensor, stage: str) -> None:
    info = backbone.info
    if stage == "decode" and "decode" not in info.capabilities:
        pytest.skip("no decoder")
    image, latent = {"image": info.input.shape}, {"latent": info.latent.shape}
    given, wanted = (image, latent) if stage == "encode" else (latent, image)
    source = backbone.graph("encode" if stage == "encode" else "decode")
    if isinstance(source, bytes):
        data = from_bytes(stage, source, Graph(backbone, given, wanted))
    else:
        data = to_onnx(stage, Graph(source, given, wanted))
    session = open_session(data)
    with torch.no_grad():
        inputs = pictures if stage == "encode" else backbone.encode(pictures)
        for count in (1, 5):
            expected = backbone.encode(inputs[:count]) if stage == "encode" else backbone.decode(inputs[:count])
            found = run_session(session, {next(iter(given)): inputs[:count].numpy()}, list(wanted))[next(iter(wanted))]
            difference = float((torch.from_numpy(found) - expected).abs().max())
            assert difference <= TOLERANCE * max(1.0, float(expected.abs().max()))


def test_no_weights_are_a_clear_error(row: Row, tmp_path: Path) -> None:
    place = str(tmp_path / "absent")
    named = {"timm": {"model": "test_vit"}, "torchvision": {"model": "alexnet"}}.get(row.name, {})
    if not row.weights:
        pytest.skip("has no weights")
    _skip_without_libraries(row)
    with pytest.raises((ArtefactError, ConfigError)) as caught:
        load_backbone(row.name, **named, weights=place)
    assert place in str(caught.value) and "expected:" in str(caught.value)


def test_a_missing_library_is_a_clear_error(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    required = _spec(row).requires
    if not required:
        pytest.skip("needs no optional library")
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None)
    with pytest.raises(MissingDependencyError, match=rf"{', '.join(required)} missing[\s\S]*pip install {required[0]}"):
        load_backbone(row.name)


def _spec(row: Row) -> BackboneSpec:
    return get_registry().resolve("backbone", row.name).spec


def _skip_without_libraries(row: Row) -> None:
    if missing := missing_requirements(_spec(row)):
        pytest.skip(f"{', '.join(missing)} not installed")


def test_every_adapter_has_a_row() -> None:
    built_in = {name for name, entry in get_registry().backbones().items() if entry.distribution == "unbraid"}
    assert built_in == {row.name for row in ROWS}
