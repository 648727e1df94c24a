"""Images are taken as they are, or refused with what was expected and what was found."""

from typing import Any

import numpy as np
import pytest
import torch

from unbraid.core.errors import ImageError
from unbraid.core.images import as_images
from unbraid.core.interfaces import ImageSpec

GREY = ImageSpec(1, 5, 4)
COLOUR = ImageSpec(3, 5, 4)


@pytest.mark.parametrize("spec", [GREY, COLOUR])
@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
def test_bytes_are_divided_by_255_and_nothing_else(spec: ImageSpec, kind: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, *spec.shape), dtype=np.uint8)
    made = as_images(kind(pixels), spec)
    assert made.dtype == torch.float32
    np.testing.assert_array_equal(made.numpy(), pixels.astype(np.float32) / np.float32(255))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floats_keep_their_values(dtype: torch.dtype) -> None:
    pixels = torch.linspace(0, 1, 40, dtype=dtype).view(2, 1, 5, 4)
    torch.testing.assert_close(as_images(pixels, GREY), pixels.float(), rtol=0, atol=0)


def test_one_picture_becomes_a_batch_and_an_empty_batch_stays_one() -> None:
    assert as_images(torch.zeros(1, 5, 4), GREY).shape == (1, 1, 5, 4)
    assert as_images(torch.zeros(0, 1, 5, 4), GREY).shape == (0, 1, 5, 4)


def test_rounding_is_forgiven_and_clamped() -> None:
    made = as_images(torch.full((1, 1, 5, 4), 1 + 5e-7), GREY)
    assert made.max() == 1


def test_the_input_is_left_alone_and_awkward_arrays_are_taken() -> None:
    pixels = np.full((1, 1, 4, 5), 0.5).transpose(0, 1, 3, 2)[:, :, ::-1]
    pixels.flags.writeable = False
    assert as_images(pixels, GREY).unique().tolist() == [0.5]
    assert as_images(np.full((1, 5, 4), 0.5, dtype=">f4"), GREY).unique().tolist() == [0.5]


def test_gradients_flow_to_the_input() -> None:
    pixels = torch.full((1, 1, 5, 4), 0.5, requires_grad=True)
    as_images(pixels, GREY).sum().backward()
    assert pixels.grad is not None and pixels.grad.eq(1).all()


@pytest.mark.parametrize(
    ("images", "problem", "expected", "found"),
    [
        (torch.zeros(2, 1, 5, 5), "wrong size", "B x 1 x 5 x 4", "2 x 1 x 5 x 5"),
        (torch.zeros(2, 3, 5, 4), "channel count", "B x 1 x 5 x 4", "2 x 3 x 5 x 4"),
        (torch.zeros(2, 5, 4, 1), "channels come first", "B x 1 x 5 x 4", "2 x 5 x 4 x 1"),
        (torch.zeros(5, 4), "number of dimensions", "one 1 x 5 x 4", "5 x 4"),
        (torch.zeros(()), "number of dimensions", "one 1 x 5 x 4", "a single number"),
        (torch.zeros(2, 1, 5, 4, dtype=torch.int64), "dtype", "uint8", "int64"),
        (torch.zeros(2, 1, 5, 4, dtype=torch.bool), "dtype", "uint8", "bool"),
        (torch.zeros(2, 1, 5, 4, dtype=torch.complex64), "dtype", "uint8", "complex64"),
        (np.zeros((2, 1, 5, 4), dtype=np.uint16), "dtype", "uint8", "uint16"),
        (np.full((2, 1, 5, 4), "x"), "dtype", "uint8", "<U1"),
        (np.full((2, 1, 5, 4), None), "dtype", "uint8", "object"),
        (torch.full((2, 1, 5, 4), 255.0), r"looks like 0\.\.255", "[0, 1]", "255 .. 255"),
        (torch.full((2, 1, 5, 4), -1.0), r"looks like -1\.\.1", "[0, 1]", "-1 .. -1"),
        (torch.full((2, 1, 5, 4), 1.00001), "out of range", "[0, 1]", "1.00001 .. 1.00001"),
        (torch.full((2, 1, 5, 4), float("nan")), "NaN", "finite", "40 pixels"),
        (torch.full((2, 1, 5, 4), float("inf")), "NaN or infinity", "finite", "40 pixels"),
        ([[0.0]], "type that is not known", "torch tensor", "list"),
    ],
)
def test_what_cannot_be_images_says_why(images: Any, problem: str, expected: str, found: str) -> None:
    with pytest.raises(ImageError, match=problem) as caught:
        as_images(images, GREY)
    assert expected in str(caught.value.expected)
    assert found in str(caught.value.found)
