"""A loaded bundle against the live model it came from."""

import threading

import numpy as np
import pytest
import torch

import unbraid
from unbraid.core.errors import CapabilityError, ConfigError, DataError, ImageError, ParityError
from unbraid.core.serving import Bundle


@pytest.fixture(scope="module")
def bundle(exported) -> Bundle:
    return unbraid.load_bundle(exported.folder)


@pytest.fixture(scope="module")
def pair(exported):
    return exported.images[:3].numpy(), exported.images[10:13].numpy()


def close(found, expected):
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for name in expected:
            close(found[name], expected[name])
        return
    expected = expected.numpy()
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())


def test_every_verb_on_images_agrees(bundle, exported, pair):
    model, (a, b) = exported.model, pair
    close(bundle.encode(a), model.encode(a))
    close(bundle.disentangle(a), model.disentangle(a))
    close(bundle.entangle(bundle.disentangle(a)), model.entangle(model.disentangle(a)))
    close(bundle.reconstruct(a), model.reconstruct(a))
    close(bundle.transfer(content=a, style=b), model.transfer(content=a, style=b))
    close(bundle.interpolate(a, b, 3), model.interpolate(a, b, 3))
    close(bundle.decode(bundle.encode(a)), model.decode(model.encode(a)))


def test_every_verb_on_latents_agrees(bundle, exported):
    verbs, first = exported.model.latents, torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    second = first.flip(0) + 1
    a, b = first.numpy(), second.numpy()
    close(bundle.latents.disentangle(a), verbs.disentangle(first))
    close(bundle.latents.entangle(bundle.latents.disentangle(a)), verbs.entangle(verbs.disentangle(first)))
    close(bundle.latents.reconstruct(a), verbs.reconstruct(first))
    close(bundle.latents.transfer(content=a, style=b), verbs.transfer(content=first, style=second))
    close(bundle.latents.interpolate(a, b, 4), verbs.interpolate(first, second, 4))
    close(bundle.latents.score(a, b), verbs.score(first, second))
    close(bundle.latents.classify(a), exported.model.head.classifier(first).detach())


def test_scores_and_classes_of_images_are_those_of_their_latents(bundle, pair):
    a, b = pair
    assert np.array_equal(bundle.score(a, b), bundle.latents.score(bundle.encode(a), bundle.encode(b)))
    assert np.array_equal(bundle.classify(a), bundle.latents.classify(bundle.encode(a)))
    assert np.abs(bundle.score(a, a)).max() == 0


def test_transfer_takes_content_from_one_and_all_else_from_the_other(bundle):
    """Against the rotation: the toy head is invertible, so the factors of the result are known."""
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(5, 8)).astype(np.float32) for _ in range(2))
    found = bundle.latents.disentangle(bundle.latents.transfer(content=a, style=b))
    assert np.allclose(found["letter"], bundle.latents.disentangle(a)["letter"], atol=1e-5)
    for name in ("hand", "remainder"):
        assert np.allclose(found[name], bundle.latents.disentangle(b)[name], atol=1e-5)


def test_the_corners_of_an_interpolation_are_reconstructions_and_transfers(bundle, pair):
    a, b = pair
    grid = bundle.interpolate(a, b, steps=2)
    assert grid.shape == (2, 2, 3, 1, 8, 8)
    assert np.array_equal(grid[0, 0], bundle.reconstruct(a))
    assert np.array_equal(grid[1, 1], bundle.reconstruct(b))
    assert np.array_equal(grid[1, 0], bundle.transfer(content=b, style=a))
    assert np.array_equal(grid[0, 1], bundle.transfer(content=a, style=b))


def test_interpolation_is_linear_in_each_factor(bundle):
    rng = np.random.default_rng(1)
    a, b = (rng.normal(size=(2, 8)).astype(np.float32) for _ in range(2))
    grid = bundle.latents.interpolate(a, b, steps=5)
    one, two, mixed = (bundle.latents.disentangle(z) for z in (a, b, grid[1, 3]))
    assert np.allclose(mixed["letter"], 0.75 * one["letter"] + 0.25 * two["letter"], atol=1e-5)
    assert np.allclose(mixed["hand"], 0.25 * one["hand"] + 0.75 * two["hand"], atol=1e-5)
    with pytest.raises(ConfigError):
        bundle.latents.interpolate(a, b, steps=1)


def test_bytes_one_picture_and_floats_are_the_same_picture(bundle):
    picture = np.arange(64, dtype=np.uint8).reshape(1, 8, 8) * 4
    z = bundle.encode(picture[None])
    assert np.array_equal(bundle.encode(picture), z)
    assert np.array_equal(bundle.encode(picture.astype(np.float32) / np.float32(255)), z)
    assert np.array_equal(bundle.encode(picture.astype(np.float64)[None] / 255), z)


GOOD = np.full((2, 1, 8, 8), 0.5, np.float32)
BAD_IMAGES = {
    "size": (GOOD[..., :7], "1 x 8 x 8"),
    "channels": (GOOD.repeat(3, 1), "1 x 8 x 8"),
    "channels last": (GOOD.transpose(0, 2, 3, 1), "transpose"),
    "rank": (GOOD[0, 0], "1 x 8 x 8"),
    "none": (GOOD[:0], "1 x 8 x 8"),
    "integers": (GOOD.astype(np.int64), "uint8"),
    "complex": (GOOD.astype(np.complex64), "uint8"),
    "objects": (GOOD.astype(object), "uint8"),
    "list": (GOOD.tolist(), "numpy array"),
    "above": (GOOD * 255, "255"),
    "below": (GOOD - 1, r"\[0, 1\]"),
    "nan": (GOOD * np.float32("nan"), "finite"),
    "infinite": (GOOD / np.float32("inf") + np.float32("inf"), "finite"),
    "one nan": (np.where(np.arange(128).reshape(GOOD.shape) == 7, np.nan, GOOD), "finite"),
}


@pytest.mark.parametrize("case", BAD_IMAGES)
def test_wrong_images_are_refused_with_what_to_do(bundle, case):
    images, message = BAD_IMAGES[case]
    with pytest.raises(ImageError, match=message):
        bundle.encode(images)


def test_both_sides_refuse_the_same_images(exported):
    """All but lists, which only arrays and tensors have a say on, and an empty batch, which torch can do."""
    for case, (images, _) in BAD_IMAGES.items():
        if case != "none":
            with pytest.raises(ImageError):
                exported.model.encode(images)


Z = np.zeros((2, 8), np.float32)
BAD_LATENTS = [Z[:, :7], Z[0], Z[:0], Z[None], Z + np.float32("nan"), Z.astype(str), np.float32(1)]


@pytest.mark.parametrize("z", BAD_LATENTS, ids=lambda z: f"{np.shape(z)}-{np.asarray(z).dtype}")
def test_wrong_latents_are_refused(bundle, z):
    with pytest.raises(DataError):
        bundle.latents.disentangle(z)


def test_wrong_factors_are_refused(bundle):
    good = bundle.latents.disentangle(Z)
    for factors in (
        {name: value for name, value in good.items() if name != "hand"},
        good | {"more": Z},
        good | {"hand": good["hand"][:1]},
        good | {"hand": good["letter"]},
        {},
    ):
        with pytest.raises(DataError, match="entangle"):
            bundle.latents.entangle(factors)
    with pytest.raises(DataError, match="row by row"):
        bundle.latents.transfer(content=Z, style=Z[:1])


def test_noise_may_be_left_out_and_is_zero_then(bundle):
    quiet = bundle.run("vary", {"latent": Z})["varied"]
    assert np.array_equal(quiet, bundle.run("vary", {"latent": Z, "noise": np.zeros((2, 4))})["varied"])
    assert np.array_equal(quiet, bundle.latents.disentangle(Z)["hand"])
    assert not np.array_equal(quiet, bundle.run("vary", {"latent": Z, "noise": np.ones((2, 4))})["varied"])


def test_what_the_bundle_lacks_is_named_before_any_work(exported, pair):
    from dataclasses import replace

    manifest = exported.report.manifest
    for lacking in ("decode", "entangle", "score", "classify"):
        graphs = {name: graph for name, graph in manifest.graphs.items() if name != lacking}
        lesser = Bundle(exported.folder, replace(manifest, graphs=graphs))
        calls = {
            "decode": [lambda b: b.decode(Z), lambda b: b.reconstruct("no"), lambda b: b.interpolate("no", "no")],
            "entangle": [lambda b: b.transfer(content="no", style="no"), lambda b: b.latents.reconstruct("no")],
            "score": [lambda b: b.score("no", "no"), lambda b: b.latents.score("no", "no")],
            "classify": [lambda b: b.classify("no"), lambda b: b.latents.classify(Z)],
        }
        for call in calls[lacking]:
            with pytest.raises(CapabilityError, match=f"cannot {lacking}"):
                call(lesser)
        lesser.disentangle(pair[0])
    with pytest.raises(CapabilityError, match="cannot sing"):
        lesser.run("sing", {})


def test_a_bundle_can_check_itself_on_any_machine(bundle, exported):
    assert set(bundle.verify()) == set(exported.report.graphs)
    assert max(bundle.verify().values()) < 1e-6
    with pytest.raises(ParityError, match="differs from the stored sample"):
        bundle.verify(tolerance=-1.0)


def test_a_row_does_not_depend_on_its_batch(bundle, exported):
    whole = bundle.encode(exported.images.numpy())
    for row in (0, 100, 256):
        assert np.abs(whole[row] - bundle.encode(exported.images[row].numpy())[0]).max() < 1e-6


def test_threads_may_share_a_bundle(exported, pair):
    shared, expected, found = unbraid.load_bundle(exported.folder), exported.model.reconstruct(pair[0]).numpy(), []
    threads = [threading.Thread(target=lambda: found.append(shared.reconstruct(pair[0]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(np.abs(each - expected).max() < 1e-5 for each in found)


def test_it_says_what_it_is(bundle):
    assert "toy on toy" in repr(bundle)
    assert [factor.role for factor in bundle.factors] == ["content", "style", "rest"]
    assert bundle.capabilities == {"classify", "decode", "entangle", "score"}
    assert bundle.open() is bundle
