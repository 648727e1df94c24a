import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch.distributions import Normal, kl_divergence

from unbraid.core.errors import DataError
from unbraid.core.interfaces import LabelSpec, LatentSpec
from unbraid.core.latents import Latents
from unbraid.core.report.heat import HIGH, SIDE, TOP, WIDE
from unbraid.plugins.nvae.analysis import VALUES, kl_of_factors, kl_picture, traversal
from unbraid.plugins.nvae.config import NVAEConfig
from unbraid.plugins.nvae.model import NVAE


@pytest.fixture(scope="module")
def head():
    torch.manual_seed(0)
    head = NVAE(NVAEConfig(shared=2, class_dependent=3), LatentSpec((5,)), 4)
    head.seen[2] = False
    return head


def test_divergence_of_each_class_and_latent_against_loops(head):
    z, labels = torch.randn(12, 5), torch.tensor([0, 1, 3] * 3 + [-1] * 3)
    found = kl_of_factors(head, z, labels)
    with torch.no_grad():
        mean, log_variance = head.posterior(z)["class_dependent"]
    for c in (0, 1, 3):
        for dim in range(3):
            rows = [
                kl_divergence(Normal(mean[i, dim], (0.5 * log_variance[i, dim]).exp()), Normal(0.0, 1.0))
                for i in range(12)
                if labels[i] == c
            ]
            torch.testing.assert_close(found[c, dim], torch.stack(rows).mean())
    assert found[2].isnan().all()
    with pytest.raises(DataError, match="label"):
        kl_of_factors(head, z, labels[:3])


def pixels_of(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def test_picture_of_it():
    pixels = pixels_of(kl_picture(torch.tensor([[0.0, 1.0], [0.5, float("nan")]]), ["one", "two"]))
    corners = [pixels[TOP + row * HIGH + 1, SIDE + column * WIDE + 1] for row in (0, 1) for column in (0, 1)]
    assert corners == [255, 0, 128, 255]
    assert pixels.shape == (TOP + 2 * HIGH, SIDE + 2 * WIDE)
    faint = pixels_of(kl_picture(torch.full((1, 1), 0.01)))
    assert faint[TOP + 1, SIDE + 1] == 204  # a fifth of what counts as use is no black


def test_pictures_of_a_report(head):
    latents = Latents(
        mean=torch.randn(30, 5),
        log_variance=None,
        labels={"content": torch.tensor([0, 1, 3] * 10)},
        spec=LatentSpec((5,)),
        classes={"content": 4},
    )
    labels = {"content": LabelSpec("shape", ("disc", "star", "never", "bar"))}
    drawn = []

    def decode(z):
        drawn.append(z)
        return z.sigmoid().view(-1, 1, 5, 1).expand(-1, -1, -1, 5)

    with torch.no_grad():
        found = head.eval().pictures(latents, labels, decode)
        without = head.pictures(latents, labels, None)
    assert [p.title for p in without] == [
        f"Which class uses which {factor} latent" for factor in ("shared", "class_dependent")
    ]
    assert [p for p in found if p in without] == list(without) and len(found) == 6
    assert all("never" not in p.caption for p in found) and "disc, star, bar" in found[1].caption
    matrix = kl_of_factors(head, latents.z, latents.label("content"), "shared").nan_to_num(0)
    most = int(matrix.max(0).values.argmax())
    assert found[1].title.endswith(f"shared latent {most}")
    assert f"{float(matrix[:, most].max()):.2f} nats" in found[1].caption
    torch.testing.assert_close(drawn[0], head.entangle(traversal(head, most)))


def test_traversal_walks_one_latent_in_every_class_with_training_rows(head):
    factors = traversal(head, 1)
    assert {name: tuple(value.shape) for name, value in factors.items()} == {
        "class": (21, 4),
        "shared": (21, 2),
        "class_dependent": (21, 3),
    }
    assert factors["class"].argmax(1).view(3, 7).tolist() == [[0] * 7, [1] * 7, [3] * 7]
    assert factors["shared"][:, 1].view(3, 7).tolist() == [list(VALUES)] * 3
    assert not factors["shared"][:, 0].any() and not factors["class_dependent"].any()
    assert traversal(head, 2, "class_dependent", values=(1.0,))["class_dependent"].tolist() == [[0, 0, 1.0]] * 3
    with pytest.raises(DataError, match="no such number"):
        traversal(head, 2)
