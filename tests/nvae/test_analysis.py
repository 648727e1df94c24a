import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch.distributions import Normal, kl_divergence

from unbraid.core.errors import DataError
from unbraid.core.interfaces import LatentSpec
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


def test_picture_of_it():
    picture = Image.open(io.BytesIO(kl_picture(torch.tensor([[0.0, 1.0], [0.5, 0.0]]))))
    pixels = np.asarray(picture.convert("L"))
    assert pixels.min() == 0 and pixels.max() == 255 and 128 in pixels


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
