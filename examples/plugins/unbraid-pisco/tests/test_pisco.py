"""The head: the contract every method keeps, and what only this one promises."""

import pytest
import torch
import unbraid
from unbraid.testing import parametrize_with_checks, toy_backbone, toy_dataset


@parametrize_with_checks("pisco", backbones=["vector", "map", "constant", "huge", "tiny"])
def test_contract(check):
    check()


@pytest.fixture(scope="module")
def model():
    model = unbraid.attach("pisco", toy_backbone("vector"))
    model.fit(toy_dataset(), quiet=True)
    return model


def test_a_swap_has_exactly_the_content_of_one_and_the_style_of_the_other(model):
    z = torch.randn(20, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        factors, others = model.head.disentangle(z), model.head.disentangle(z.flip(0))
        swapped = model.head.disentangle(model.head.entangle({**others, "content": factors["content"]}))
    torch.testing.assert_close(swapped["content"], factors["content"], atol=1e-4, rtol=0)
    torch.testing.assert_close(swapped["style"], others["style"], atol=1e-4, rtol=0)


def test_a_round_trip_is_exact(model):
    z = torch.randn(20, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(model.head.entangle(model.head.disentangle(z)), z, atol=1e-5, rtol=0)


def test_widths_are_those_of_the_paper():
    head = unbraid.attach("pisco", toy_backbone("map")).head  # 64 numbers: k = 60, one of them style
    assert {factor.name: factor.width for factor in head.factors} == {"style": 1, "content": 59, "rest": 4}


@pytest.mark.parametrize("setting", [{"weight": -1}, {"keep": 0}, {"style_width": 0}, {"ridge": 0}])
def test_settings_are_checked(setting):
    with pytest.raises(unbraid.ConfigError, match="out of range"):
        unbraid.attach("pisco", toy_backbone("vector"), **setting)


def test_too_narrow_a_latent_is_refused():
    with pytest.raises(unbraid.CapabilityError, match="too narrow"):
        unbraid.attach("pisco", toy_backbone("tiny"), style_width=3)
