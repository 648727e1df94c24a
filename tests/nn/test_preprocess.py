"""Preprocessing inside an encoder, against what torchvision and timm do outside of one."""

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform
from torchvision.transforms import v2

from unbraid.core.errors import ConfigError
from unbraid.core.nn import Preprocess

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def draw(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("side", [15, 60])
def test_resizing_and_normalising_are_those_of_torchvision(interpolation: str, side: int) -> None:
    x = draw(2, 3, side, side)
    prepare = Preprocess(channels=3, size=(28, 28), mean=MEAN, std=STD, interpolation=interpolation)
    resize = v2.Resize((28, 28), interpolation=v2.InterpolationMode(interpolation), antialias=True)
    expected = v2.functional.normalize(resize(x).clamp(0, 1), list(MEAN), list(STD))
    torch.testing.assert_close(prepare(x), expected, atol=1e-5, rtol=1e-5)


def test_whole_pictures_come_as_from_timm() -> None:
    """Pillow resizes bytes, first rows and then columns: it rounds twice, half a grey value each, and the second pass
    has negative weights that blow the first rounding up by a quarter. It would clip between the passes too, so black and
    white are left out.
    """
    picture = (draw(50, 50, 3) * 128 + 64).round().to(torch.uint8)
    theirs = create_transform((3, 24, 24), interpolation="bicubic", mean=MEAN, std=STD, crop_pct=1.0)
    expected = theirs(Image.fromarray(np.asarray(picture)))
    prepare = Preprocess(channels=3, size=(24, 24), mean=MEAN, std=STD, interpolation="bicubic")
    found = prepare(picture.permute(2, 0, 1)[None].float() / 255)[0]
    assert float((found - expected).abs().max()) < 1.5 / 255 / min(STD)


def test_pictures_of_the_right_size_are_only_normalised_and_grey_ones_repeated() -> None:
    prepare = Preprocess(channels=3, size=(6, 4), mean=MEAN, std=STD)
    x = draw(2, 1, 6, 4)
    expected = (x.expand(-1, 3, -1, -1) - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    assert torch.equal(prepare(x), expected)
    assert prepare.state_dict() == {}


def test_a_normalisation_that_does_not_fit() -> None:
    with pytest.raises(ConfigError, match="3 means"):
        Preprocess(channels=3, size=(8, 8), mean=(0.5,), std=(0.5,))
