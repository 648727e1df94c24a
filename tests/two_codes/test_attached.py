"""The methods on a real frozen backbone and real pictures, through the front door."""

import pytest
import torch

import unbraid
from unbraid.core.artefacts import read_tensors
from unbraid.core.latents import encode_dataset

METHODS = ["cycle_vae", "mathieu", "szabo"]


@pytest.mark.slow
def test_cycle_vae_learns_characters_it_never_saw(backbone, glyphs, latents):
    model = unbraid.attach("cycle_vae", backbone)
    result = model.fit(glyphs, latents=latents, steps=600, quiet=True)
    assert result.monitor == "loss"
    found = model.evaluate(glyphs, latents=latents, metrics={"few_shot": {}, "probes": {"seeds": 1}}, episodes=300)
    specified, unspecified = (found.figure(f"few_shot/{name}/unseen_content") for name in ("specified", "unspecified"))
    assert specified.value > specified.baselines["raw latents"] + 0.1
    assert unspecified.interval[1] < unspecified.baselines["raw latents"]
    leaked = found.figure("leakage/unspecified/content")
    assert leaked.value < leaked.baselines["raw latents"] / 1.5


@pytest.mark.parametrize("preset", ["default", "paper"])
@pytest.mark.parametrize("method", METHODS)
def test_presets_make_a_step_and_keep_the_backbone(backbone, glyphs, latents, method, preset):
    before = backbone.fingerprint
    model = unbraid.attach(method, backbone, preset=preset)
    model.fit(glyphs, latents=latents, steps=1, quiet=True)
    assert all(factor.isfinite().all() for factor in model.latents.disentangle(latents.z[:4]).values())
    assert backbone.fingerprint == before


@pytest.fixture(scope="module")
def pictures(glyphs):
    """Pixels as a backbone, and glyphs under it."""
    pixels = unbraid.load_backbone("pixels")
    return pixels, encode_dataset(pixels, glyphs)


@pytest.mark.parametrize("method", METHODS)
def test_the_paper_trains_on_pictures(pictures, glyphs, method):
    pixels, latents = pictures
    model = unbraid.attach(method, pixels, preset="paper")
    model.fit(glyphs, latents=latents, steps=1, quiet=True)
    x = glyphs.images[[0, 40]]
    swapped = model.transfer(content=x, style=x[::-1].copy())
    assert swapped.shape == (2, 1, 28, 28) and 0 <= swapped.min() and swapped.max() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_two_fits_are_the_same_bit_for_bit(backbone, glyphs, latents, method):
    def fitted(seed):
        model = unbraid.attach(method, backbone, seed=seed, hidden=(16,), pairs=8)
        model.fit(glyphs, latents=latents, steps=3, quiet=True)
        return model.head.state_dict()

    first, again, other = (fitted(seed) for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[n], other[n]) for n in first if n.endswith("weight"))


@pytest.mark.parametrize("method", ["mathieu", "szabo"])
def test_heads_leave_the_discriminator_behind_and_come_back(backbone, glyphs, latents, method, tmp_path):
    model = unbraid.attach(method, backbone, hidden=(16,), pairs=8)
    model.fit(glyphs, latents=latents, steps=2, quiet=True)
    assert any(name.startswith("discriminator") for name in model.head.state_dict())
    stored = read_tensors(model.save(tmp_path / "head") / "model.safetensors")
    assert stored and not any(name.startswith("discriminator") for name in stored)
    again = unbraid.load(tmp_path / "head", backbone)
    first, second = (m.latents.disentangle(latents.z[:8]) for m in (model, again))
    assert all(torch.equal(first[name], second[name]) for name in first)
    again.fit(glyphs, latents=latents, steps=1, quiet=True)  # and can go on playing


def test_styles_are_drawn_from_the_prior(backbone, glyphs, latents):
    model = unbraid.attach("cycle_vae", backbone, hidden=(16,))
    head, z = model.head, latents.z[:5]
    drawn = {**model.latents.disentangle(z), **head.sample(torch.randn(5, 16))}
    assert "sample" in head.capabilities and model.entangle(drawn).shape == (5, 1, 28, 28)


def test_slices_need_no_fit(backbone, glyphs, latents):
    model = unbraid.attach("slice", backbone)
    z = latents.z[:6]
    assert torch.equal(model.latents.reconstruct(z), z)
    swapped = model.latents.transfer(content=z[:3], style=z[3:])
    assert torch.equal(swapped, torch.cat([z[3:, :16], z[:3, 16:]], 1))
    assert model.fit(glyphs, latents=latents, quiet=True).steps == 0
