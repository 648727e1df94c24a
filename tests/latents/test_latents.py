"""Latents against plain numpy."""

import numpy as np
import pytest
import torch

from unbraid.core.interfaces import Draws, LatentSpec
from unbraid.core.latents import Latents


def make(shape: tuple[int, ...] = (5,), n: int = 40, seed: int = 0) -> Latents:
    generator = torch.Generator().manual_seed(seed)
    return Latents(
        mean=torch.randn(n, *shape, generator=generator),
        log_variance=torch.randn(n, *shape, generator=generator),
        labels={"content": torch.arange(n) % 4},
        spec=LatentSpec(shape, stochastic=True),
        classes={"content": 4},
    )


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4)])
def test_gather_takes_an_index_of_any_shape(shape: tuple[int, ...]) -> None:
    latents = make(shape)
    index = torch.tensor([[3, 0, 3], [39, 7, 1]])
    np.testing.assert_array_equal(latents.gather(index).numpy(), latents.mean.numpy()[index.numpy()])


def test_subsets_of_subsets_count_in_their_own_rows() -> None:
    latents = make()
    outer, inner = np.array([30, 2, 2, 17, 5]), np.array([4, 0, 1])
    subset = latents.subset(torch.tensor(outer)).subset(torch.tensor(inner))
    expected = latents.mean.numpy()[outer][inner]
    assert len(subset) == 3
    np.testing.assert_array_equal(subset.z.numpy(), expected)
    np.testing.assert_array_equal(subset.gather(torch.tensor([[2], [0]])).numpy(), expected[[[2], [0]]])
    np.testing.assert_array_equal(subset.label("content").numpy(), (np.arange(40) % 4)[outer][inner])
    np.testing.assert_array_equal(subset.label("style").numpy(), [-1, -1, -1])
    assert subset.mean.data_ptr() == latents.mean.data_ptr(), "a subset copied the latents"


def test_chunks_walk_over_everything_once() -> None:
    latents = make(n=10).subset(torch.tensor([9, 1, 4, 4, 0]))
    chunks = list(latents.chunks(2))
    assert [len(chunk) for chunk in chunks] == [2, 2, 1]
    assert torch.equal(torch.cat(chunks), latents.z)


@pytest.mark.parametrize("rows", [None, [3, 1, 4, 1, 5]])
def test_moments(rows: list[int] | None) -> None:
    latents = make((2, 3, 4))
    plain = latents.mean.numpy().astype(np.float64)
    if rows is not None:
        latents, plain = latents.subset(torch.tensor(rows)), plain[rows]
    mean, variance = latents.moments()
    assert mean.dtype == variance.dtype == torch.float64
    np.testing.assert_allclose(mean.numpy(), plain.mean(0), rtol=0, atol=1e-14)
    np.testing.assert_allclose(variance.numpy(), plain.var(0), rtol=0, atol=1e-14)


def test_moments_far_from_zero() -> None:
    """A difference of squares would lose every digit here."""
    latents = make()
    far = Latents(mean=latents.mean * 1e-2 + 1e4, log_variance=None, labels={}, spec=LatentSpec((5,)), classes={})
    _, variance = far.moments()
    np.testing.assert_allclose(variance.numpy(), far.mean.numpy().astype(np.float64).var(0), rtol=1e-9)


def test_samples_use_the_draws() -> None:
    latents = make().with_mode("sample")
    index = torch.tensor([4, 4, 9])
    drawn = latents.gather(index, Draws(0, "train", 3))
    noise = Draws(0, "train", 3).normal(3, 5).numpy()
    assert latents.log_variance is not None
    rows = index.numpy()
    expected = latents.mean.numpy()[rows] + np.exp(latents.log_variance.numpy()[rows] / 2) * noise
    np.testing.assert_allclose(drawn.numpy(), expected, rtol=1e-6)
    assert not torch.equal(drawn[0], drawn[1]), "one row drawn twice gave one sample"
    assert not torch.equal(drawn, latents.gather(index, Draws(0, "train", 4)))
    assert torch.equal(latents.gather(index), latents.mean[index]), "without draws the mean is given"
    assert torch.equal(make().gather(index, Draws(0, "train", 3)), latents.mean[index]), "mode mean draws nothing"


def test_bytes_are_read_exactly() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).reshape(-1, 1)
    latents = Latents(mean=pixels, log_variance=None, labels={}, spec=LatentSpec((1,), storage="uint8"), classes={})
    expected = (np.arange(256, dtype=np.float32) / np.float32(255))[:, None]
    np.testing.assert_array_equal(latents.z.numpy(), expected)
    assert torch.equal((latents.gather(torch.arange(256)) * 255).round().to(torch.uint8), pixels)


def test_halves_are_read_as_float32() -> None:
    latents = make()
    half = Latents(mean=latents.mean.half(), log_variance=None, labels={}, spec=LatentSpec((5,)), classes={})
    assert half.z.dtype == half.gather(torch.arange(3)).dtype == torch.float32
    assert torch.equal(half.z, latents.mean.half().float())


def test_moving_keeps_everything() -> None:
    moved = make().subset(torch.tensor([3, 1])).with_mode("sample").to("meta")
    assert moved.device.type == "meta" and len(moved) == 2 and moved.mode == "sample"
    assert moved.gather(torch.zeros(4, dtype=torch.int64, device="meta")).shape == (4, 5)


def test_moments_of_samples_are_those_of_many_samples():
    """Law of total variance, against a hundred thousand drawn samples."""
    mean = torch.tensor([[0.0, 1.0], [2.0, 1.0]])
    log_variance = torch.tensor([[0.0, 1.0], [0.5, -1.0]])
    latents = Latents(
        mean=mean, log_variance=log_variance, labels={}, spec=LatentSpec((2,), stochastic=True), classes={}
    )
    drawn = latents.with_mode("sample").gather(torch.arange(2).repeat(50_000), Draws(0, "test", 0))
    found_mean, found_variance = latents.with_mode("sample").moments()
    assert torch.allclose(found_mean.float(), drawn.mean(0), atol=0.02)
    assert torch.allclose(found_variance.float(), drawn.var(0), rtol=0.03)
    assert torch.equal(latents.moments()[1], torch.tensor([1.0, 0.0], dtype=torch.float64))
