"""An encoder in bfloat16: what it rounds, and who hears of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from unbraid.core.errors import ArtefactError, CapabilityError, ConfigError
from unbraid.core.interfaces import Backbone, Dataset
from unbraid.core.latents import encode_cache, encode_dataset

MakeBackbone = Callable[..., Backbone]
MakeDataset = Callable[..., Dataset]


def test_bfloat16_rounds_pictures_and_weights_and_nothing_more(
    make_backbone: MakeBackbone, make_dataset: MakeDataset
) -> None:
    backbone, data = make_backbone(stochastic=False), make_dataset(200)
    x = torch.from_numpy(data.images[np.arange(200)]).reshape(200, 4).float() / 255
    exact = (x.bfloat16().double() @ backbone.encoder.weight.detach().bfloat16().double().T).numpy()
    latents = encode_dataset(backbone, data, precision="bfloat16")
    assert latents.mean.dtype == torch.float32 and latents.precision == "bfloat16"
    # one rounding of the result, to eight binary digits
    np.testing.assert_allclose(latents.mean.numpy(), exact, rtol=2**-8, atol=1e-6)
    assert np.abs(latents.mean.numpy() - encode_dataset(backbone, data).mean.numpy()).max() > 1e-4


def test_a_cache_says_its_precision_and_is_read_as_it_is(
    make_backbone: MakeBackbone, make_dataset: MakeDataset, tmp_path: Path
) -> None:
    backbone, data = make_backbone(), make_dataset(200)
    encode_cache(backbone, data, tmp_path / "half", precision="bfloat16")
    encode_cache(backbone, data, tmp_path / "full")
    assert json.loads((tmp_path / "half" / "index.json").read_text())["identity"]["precision"] == "bfloat16"
    read = encode_dataset(backbone, data, cache=tmp_path / "half")
    assert read.precision == "bfloat16"
    assert torch.equal(read.mean, encode_dataset(backbone, data, precision="bfloat16").mean)
    assert encode_dataset(backbone, data, cache=tmp_path / "full").precision == "float32"
    for name, other in (("half", "float32"), ("full", "bfloat16")):
        with pytest.raises(ArtefactError, match="belongs to other precision"):
            encode_dataset(backbone, data, cache=tmp_path / name, precision=other)


def test_what_cannot_be_is_refused(make_backbone: MakeBackbone, make_dataset: MakeDataset) -> None:
    backbone, data = make_backbone(), make_dataset(10)
    with pytest.raises(ConfigError, match="float32 or bfloat16"):
        encode_dataset(backbone, data, precision="float8")
    elsewhere = Backbone(backbone.encoder, None, replace(backbone.info, capabilities=frozenset()))
    with pytest.raises(CapabilityError, match="precision of its own"):
        encode_dataset(elsewhere, data, precision="bfloat16")
