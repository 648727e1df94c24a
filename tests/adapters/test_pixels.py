"""Pixels as latents: nothing is lost, nothing is stored twice, and heads work on them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import unbraid
from unbraid.core.catalogue import load_backbone, load_dataset
from unbraid.core.errors import CapabilityError, ConfigError
from unbraid.core.latents import encode_dataset


@pytest.fixture(scope="module")
def glyphs():
    return load_dataset("glyphs")


def test_every_byte_comes_back() -> None:
    backbone = load_backbone("pixels", channels=3, size=16, width=32)
    pictures = torch.arange(256).repeat(2 * 3 * 2).view(2, 3, 16, 32).float() / 255
    assert torch.equal(backbone.decode(backbone.encode(pictures)), pictures)
    assert backbone.info.inverse == "exact" and backbone.info.latent.shape == (3, 16, 32)


def test_what_a_head_makes_is_cut_to_pictures() -> None:
    z = torch.tensor([-0.5, 0.25, 1.5]).view(1, 1, 1, 3)
    assert load_backbone("pixels", size=1, width=3).decode(z).flatten().tolist() == [0, 0.25, 1]


def test_the_cache_holds_the_bytes_of_the_pictures_and_no_more(glyphs, tmp_path: Path) -> None:
    backbone = load_backbone("pixels")
    for _ in range(2):  # written, then read
        latents = encode_dataset(backbone, glyphs, cache=tmp_path / "cache")
        assert latents.mean.dtype == torch.uint8
        assert np.array_equal(latents.mean.numpy(), glyphs.images[np.arange(len(glyphs))])
    assert sum(file.stat().st_size for file in (tmp_path / "cache").rglob("*.safetensors")) < 1.01 * latents.mean.nbytes
    pictures = latents.gather(torch.tensor([3, 5]))
    assert torch.equal(pictures, torch.from_numpy(glyphs.images[np.array([3, 5])]).float() / 255)


def test_a_raw_head_on_them_gives_the_pixels(glyphs) -> None:
    model = unbraid.attach("prototype", load_backbone("pixels"), network="raw", standardise="none")
    model.fit(glyphs, quiet=True)
    pictures = torch.from_numpy(glyphs.images[np.arange(4)]).float() / 255
    assert torch.equal(model.disentangle(pictures)["embedding"], pictures.flatten(1))
    assert torch.equal(model.latents.disentangle(pictures)["embedding"], pictures.flatten(1))


def test_pictures_too_wide_to_flatten_are_refused_by_name() -> None:
    with pytest.raises(CapabilityError, match=r"fden flattens.*\n.*4096.*\n.*12288"):
        unbraid.attach("fden", load_backbone("pixels", channels=3, size=64), map="flattened")


def test_the_identity_is_the_same_in_another_process() -> None:
    code = "from unbraid.core.catalogue import load_backbone as l; print(l('pixels', size=8).fingerprint)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    backbone = load_backbone("pixels", size=8)
    assert run.stdout.strip() == backbone.fingerprint == load_backbone("pixels", **backbone.info.config).fingerprint
    assert backbone.fingerprint != load_backbone("pixels", size=9).fingerprint


@pytest.mark.parametrize("settings", [{"size": 0}, {"channels": 2}, {"width": 0}])
def test_settings_out_of_range(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="out of range"):
        load_backbone("pixels", **settings)
