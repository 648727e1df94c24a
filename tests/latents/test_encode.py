"""What the encoder gave is what the latents hold, and the backbone stays what it was."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from unbraid.core.errors import ArtefactError, ConfigError, DataError, ImageError, NonFiniteError
from unbraid.core.freezing import FrozenGuard
from unbraid.core.interfaces import Backbone, BackboneInfo, Dataset, ImageSpec, LabelSpec, LatentSpec, Posterior
from unbraid.core.latents import encode_dataset
from unbraid.core.threads import core_count, threads

MakeBackbone = Callable[..., Backbone]
MakeDataset = Callable[..., Dataset]


class Function(nn.Module):
    """An encoder without weights."""

    def __init__(self, function: Callable[[Tensor], Posterior]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Posterior:
        return self.function(x)


def backbone_of(function: Callable[[Tensor], Posterior], shape: tuple[int, ...] = (4,), **latent: object) -> Backbone:
    info = BackboneInfo(adapter="modules", input=ImageSpec(1, 2, 2), latent=LatentSpec(shape, **latent), inverse="none")
    return Backbone(Function(function), None, info)


def test_latents_are_those_of_the_encoder(make_backbone: MakeBackbone, make_dataset: MakeDataset) -> None:
    backbone, data = make_backbone(), make_dataset(700)
    latents = encode_dataset(backbone, data, batch_size=64)
    x = data.images[np.arange(700)].reshape(700, 4).astype(np.float64) / 255
    mean = x @ backbone.encoder.weight.detach().double().numpy().T
    np.testing.assert_allclose(latents.mean.numpy(), mean, atol=1e-6)
    assert latents.log_variance is not None
    np.testing.assert_allclose(latents.log_variance.numpy(), mean / 10, atol=1e-6)
    assert latents.mean.dtype == torch.float32 and latents.spec == backbone.info.latent
    assert latents.classes == {"content": 3, "style": 2}
    for role in ("content", "style"):
        assert latents.labels[role].dtype == torch.int64
        np.testing.assert_array_equal(latents.labels[role].numpy(), data.labels[role])


def test_deterministic_encoder_has_no_variance(make_backbone: MakeBackbone, make_dataset: MakeDataset) -> None:
    assert encode_dataset(make_backbone(stochastic=False), make_dataset(10)).log_variance is None


def test_pixels_stay_bytes(make_dataset: MakeDataset) -> None:
    data = make_dataset(500)
    latents = encode_dataset(backbone_of(Posterior, (1, 2, 2), storage="uint8"), data)
    assert latents.mean.dtype == torch.uint8
    np.testing.assert_array_equal(latents.mean.numpy(), data.images[np.arange(500)])
    assert torch.equal(latents.z, torch.tensor(data.images[np.arange(500)]).float() / 255)


def test_halves(make_backbone: MakeBackbone, make_dataset: MakeDataset) -> None:
    data = make_dataset(100)
    full = encode_dataset(make_backbone(), data)
    half = encode_dataset(make_backbone(storage="float16"), data)
    assert half.mean.dtype == torch.float16 and torch.equal(half.mean, full.mean.half())
    assert half.log_variance is not None and full.log_variance is not None
    assert torch.equal(half.log_variance, full.log_variance.half())


def test_the_backbone_stays_what_it_was(make_dataset: MakeDataset) -> None:
    encoder = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3), Function(Posterior))
    info = BackboneInfo(adapter="modules", input=ImageSpec(1, 2, 2), latent=LatentSpec((3,)), inverse="none")
    backbone = Backbone(encoder, None, info)
    guard = FrozenGuard(backbone)
    first = encode_dataset(backbone, make_dataset(300), batch_size=32)
    second = encode_dataset(backbone, make_dataset(300), batch_size=32)
    guard.verify()
    assert encoder.training, "the modes were not given back"
    assert torch.equal(first.mean, second.mean), "dropout or batch statistics were at work"


def test_latents_can_be_trained_on_wherever_they_were_made(
    make_backbone: MakeBackbone, make_dataset: MakeDataset
) -> None:
    with torch.inference_mode():
        latents = encode_dataset(make_backbone(), make_dataset(50))
    assert not latents.mean.requires_grad and not latents.mean.is_inference()
    assert not latents.labels["content"].is_inference()
    layer = nn.Linear(3, 1)
    layer(latents.gather(torch.arange(50))).sum().backward()
    assert layer.weight.grad is not None


def test_images_must_fit_before_anything_is_encoded(make_dataset: MakeDataset) -> None:
    def refuse(x: Tensor) -> Posterior:
        pytest.fail("the encoder must not run")

    backbone = backbone_of(refuse)
    backbone.info = replace(backbone.info, input=ImageSpec(3, 2, 2))
    with pytest.raises(ImageError, match=r"3 x 2 x 2.*\n.*1 x 2 x 2"):
        encode_dataset(backbone, make_dataset(10))
    with pytest.raises(DataError, match="no images"):
        encode_dataset(backbone_of(refuse), make_dataset(0))


def test_images_that_are_not_bytes(make_backbone: MakeBackbone, make_dataset: MakeDataset) -> None:
    data = make_dataset(10)
    wrong = replace(data, images=data.images[np.arange(10)].astype(np.float32))
    with pytest.raises(ImageError, match="float32"):
        encode_dataset(make_backbone(), wrong)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_latents_that_are_not_finite_name_their_rows(make_dataset: MakeDataset, value: float) -> None:
    data = make_dataset(300)
    images = np.minimum(data.images[np.arange(300)], 254)
    images[[7, 150, 299], 0, 0, 0] = 255

    def encode(x: Tensor) -> Posterior:
        return Posterior(torch.where(x == 1, value, x).flatten(1))

    with pytest.raises(NonFiniteError, match=rf"rows 7, 150, 299; row 7 has {value:g}"):
        encode_dataset(backbone_of(encode), replace(data, images=images), batch_size=300)


def test_values_the_storage_cannot_hold(make_dataset: MakeDataset) -> None:
    def large(x: Tensor) -> Posterior:
        return Posterior(x.flatten(1) + 70_000)

    with pytest.raises(NonFiniteError, match="too large for float16"):
        encode_dataset(backbone_of(large, storage="float16"), make_dataset(10))
    with pytest.raises(NonFiniteError, match=r"outside \[0, 1\]"):
        encode_dataset(backbone_of(large, storage="uint8"), make_dataset(10))
    encode_dataset(backbone_of(large), make_dataset(10))


def test_an_encoder_that_does_not_do_as_it_says(make_backbone: MakeBackbone, make_dataset: MakeDataset) -> None:
    data = make_dataset(10)
    with pytest.raises(ConfigError, match="another shape"):
        encode_dataset(backbone_of(lambda x: Posterior(x.flatten(1)), (5,)), data)
    with pytest.raises(ConfigError, match="set stochastic=False"):
        encode_dataset(backbone_of(lambda x: Posterior(x.flatten(1)), stochastic=True), data)
    with pytest.raises(ConfigError, match="set stochastic=True"):
        encode_dataset(backbone_of(lambda x: Posterior(x.flatten(1), x.flatten(1))), data)
    with pytest.raises(ConfigError, match="uint8 with variance"):
        encode_dataset(make_backbone(storage="uint8"), data)
    with pytest.raises(ConfigError, match="batch_size"):
        encode_dataset(make_backbone(), data, batch_size=0)


def test_a_device_that_is_not_there(make_backbone: MakeBackbone, make_dataset: MakeDataset) -> None:
    for device in ("cuda:99", "nonsense"):
        with pytest.raises(ConfigError, match=device):
            encode_dataset(make_backbone(), make_dataset(10), device=device)


def test_threads_are_those_the_user_set_and_given_back(
    make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def encode(x: Tensor) -> Posterior:
        seen.append(torch.get_num_threads())
        return Posterior(x.flatten(1))

    with threads(1):
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        encode_dataset(backbone_of(encode), make_dataset(10))
        monkeypatch.delenv("OMP_NUM_THREADS")
        encode_dataset(backbone_of(encode), make_dataset(10))
        assert torch.get_num_threads() == 1
    assert seen == [2, core_count()] and core_count() <= (os.cpu_count() or 1)


def test_progress_is_quiet_unless_asked(
    make_backbone: MakeBackbone, make_dataset: MakeDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    encode_dataset(make_backbone(), make_dataset(10))
    assert capsys.readouterr() == ("", "")
    encode_dataset(make_backbone(), make_dataset(10), progress=True)
    assert re.fullmatch(r"encoded 10/10 images, [\d,]+ a second\n", capsys.readouterr().err)


def test_attributes_come_along_with_and_without_a_cache(
    make_backbone: MakeBackbone, make_dataset: MakeDataset, tmp_path: Path
) -> None:
    plain = make_dataset(50)
    hat = np.arange(50) % 4 - 1
    data = replace(plain, attributes={"hat": LabelSpec("hat", ("a", "b", "c"))}, labels={**plain.labels, "hat": hat})
    backbone = make_backbone()
    for _ in range(2):  # written, then read
        latents = encode_dataset(backbone, data, cache=tmp_path / "cache")
        assert latents.classes == {"content": 3, "style": 2, "hat": 3}
        np.testing.assert_array_equal(latents.label("hat").numpy(), hat)
    with pytest.raises(ArtefactError, match="other data"):
        encode_dataset(backbone, plain, cache=tmp_path / "cache")
