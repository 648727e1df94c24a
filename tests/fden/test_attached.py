"""FDEN on a real frozen backbone and real pictures, through the front door."""

import pytest
import torch

import unbraid
from unbraid.core.latents import Latents, encode_dataset

NARROW = {
    "trunk": (64, 64),
    "branch": (64,),
    "entangler_branch": (32,),
    "entangler": (64,),
    "critic": (64, 16),
    "episodes": 8,
}


@pytest.fixture(scope="module")
def glyphs():
    return unbraid.load_dataset("glyphs")


@pytest.fixture(scope="module")
def backbone():
    return unbraid.load_backbone("vae", weights="builtin:glyphs")


@pytest.fixture(scope="module")
def latents(glyphs, backbone) -> Latents:
    return encode_dataset(backbone, glyphs)


def fitted(backbone, glyphs, latents, *, steps, **settings):
    model = unbraid.attach("fden", backbone, **NARROW, **settings)
    result = model.fit(glyphs, latents=latents, steps=steps, quiet=True)
    return model, result


@pytest.mark.slow
def test_learns_characters_it_never_saw(backbone, glyphs, latents):
    model = unbraid.attach("fden", backbone)
    result = model.fit(glyphs, latents=latents, steps=250, quiet=True)
    raw = unbraid.attach("prototype", backbone, preset="raw")
    raw.fit(glyphs, latents=latents, quiet=True)
    few_shot = {"few_shot": {}}
    of_identity = model.evaluate(glyphs, latents=latents, metrics=few_shot, episodes=300)
    of_raw = raw.evaluate(glyphs, latents=latents, metrics=few_shot, episodes=300)
    identity = of_identity.figure("few_shot/identity/unseen_content")
    style = of_identity.figure("few_shot/style/unseen_content")
    untouched = of_raw.figure("few_shot/embedding/unseen_content")
    assert result.monitor == "few_shot"
    assert identity.interval[0] > untouched.interval[1]
    assert style.interval[1] < identity.interval[0]


def test_two_fits_are_the_same_bit_for_bit(backbone, glyphs, latents):
    first, second = (fitted(backbone, glyphs, latents, steps=12, dropout=0.1)[0].head.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = unbraid.attach("fden", backbone, seed=1, **NARROW, dropout=0.1)
    other.fit(glyphs, latents=latents, steps=12, quiet=True)
    assert not torch.equal(other.head.state_dict()["trunk.linear1.weight"], first["trunk.linear1.weight"])


@pytest.mark.parametrize("preset", ["default", "paper", "code", "omniglot"])
def test_presets_make_a_step_and_keep_the_backbone(backbone, glyphs, latents, preset):
    before = backbone.fingerprint
    fewer = {"ways": 90, "query_classes": 90} if preset == "omniglot" else {}  # as many training characters there are
    model = unbraid.attach("fden", backbone, preset=preset, **fewer)
    model.fit(glyphs, latents=latents, steps=1, quiet=True)
    factors = model.latents.disentangle(latents.z[:4])
    assert all(factor.isfinite().all() for factor in factors.values())
    assert backbone.fingerprint == before


def test_heads_leave_the_statistician_behind_and_come_back(backbone, glyphs, latents, tmp_path):
    model, _ = fitted(backbone, glyphs, latents, steps=2, alignment="relation")
    again = unbraid.load(model.save(tmp_path / "head"), backbone)
    z = latents.z[:8]
    first, second = model.latents.disentangle(z), again.latents.disentangle(z)
    assert all(torch.equal(first[name], second[name]) for name in first)
    one, two = first["identity"][:4], first["identity"][4:]
    with torch.no_grad():
        assert torch.equal(model.head.eval().score(one, two), again.head.eval().score(one, two))
    from safetensors import safe_open

    with safe_open(tmp_path / "head" / "model.safetensors", framework="pt") as file:
        assert not [name for name in file.keys() if name.startswith("statistician")]  # noqa: SIM118
