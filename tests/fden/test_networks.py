import pytest
import torch
from torch import nn

from unbraid.core.errors import CapabilityError, ConfigError
from unbraid.core.interfaces import DEFAULT_DOMAIN, LatentSpec
from unbraid.plugins.fden.config import FDENConfig
from unbraid.plugins.fden.manifest import CODE, DEFAULT, PAPER
from unbraid.plugins.fden.model import FDEN

DIM = 256
#: Table 2 of the paper's supplement: units of each fully connected layer, input first.
TABLE_2 = {
    "trunk": [DIM, 512, 512, 512, 2 * DIM],
    "to_identity": [2 * DIM, 512, 512, DIM],
    "to_style": [2 * DIM, 512, 512, DIM],
    "statistician": [2 * DIM, 1024, 256, 64, 1],
    "from_identity": [DIM, 256, 256, DIM],
    "from_style": [DIM, 256, 256, DIM],
    "merge": [2 * DIM, 512, 512, 512, DIM],
}


@pytest.fixture(scope="module")
def paper():
    return FDEN(FDENConfig(**PAPER), LatentSpec((DIM,)))


@pytest.mark.parametrize("part", TABLE_2)
def test_layers_are_those_of_table_2(paper, part):
    layers = [m for m in getattr(paper, part).modules() if not isinstance(m, nn.Sequential)]
    linear = [m for m in layers if isinstance(m, nn.Linear)]
    assert [linear[0].in_features, *(m.out_features for m in linear)] == TABLE_2[part]
    kinds = [type(m) for m in layers]
    assert kinds[:4] == [nn.Dropout, nn.Linear, nn.BatchNorm1d, nn.LeakyReLU]  # batch norm on the first layer only
    assert kinds[4:] == [nn.Dropout, nn.Linear, nn.LeakyReLU] * (len(linear) - 2) + [nn.Dropout, nn.Linear]
    assert {m.p for m in layers if isinstance(m, nn.Dropout)} == {0.2}
    assert {m.negative_slope for m in layers if isinstance(m, nn.LeakyReLU)} == {0.01}


@pytest.mark.parametrize(
    ("dim", "head", "critic"), [(64, 2_162_688, 409_664), (256, 3_538_944, 802_880), (512, 5_373_952, 1_327_168)]
)
def test_weight_counts(dim, head, critic):
    with torch.device("meta"):
        made = FDEN(FDENConfig(**{**PAPER, "alignment": "prototype"}), LatentSpec((dim,)))

    def weights(modules):
        return sum(p.numel() for m in modules for p in m.parameters() if p.ndim == 2)

    assert weights([*made.disentangler, *made.entangler]) == head
    assert weights(made.critics) == critic
    kept = sum(t.numel() for name, t in made.head_state().items() if t.ndim == 2)
    assert kept == head  # the statistician stays out of heads


def test_printed_values_of_the_paper_preset():
    config = FDENConfig(**PAPER)
    assert (config.alpha, config.beta, config.gamma) == (1, 1, 0.5)
    assert (config.lr, config.betas, config.dropout, config.slope) == (1e-4, (0.5, 0.999), 0.2, 0.01)
    assert (config.episodes, config.query_classes, config.queries) == (16, 1, 1)
    assert config.steps == 10_000 * 1_000 // 16


def test_printed_initialiser(paper):
    weights = torch.cat([m.weight.flatten() for m in paper.modules() if isinstance(m, nn.Linear)])
    assert weights.abs().max() <= 0.002
    assert weights.std().item() == pytest.approx(0.001 * 0.8796, rel=0.01)


def test_default_preset_is_what_the_config_starts_from():
    assert FDENConfig(**DEFAULT) == FDENConfig()


def test_code_preset_has_the_layers_of_the_published_code():
    head = FDEN(FDENConfig(**CODE), LatentSpec((128,)))
    layers = {
        "trunk": [128, 128, 128, 128, 256],
        "to_identity": [128, 128, 128, 128, 128],  # half of the trunk's output each
        "to_style": [128, 128, 128, 128, 128],
        "from_identity": [128, 128, 128, 128, 128],
        "relation.network": [256, 128, 64, 42, 32, 1],
        "statistician.joint": [256, 256, 128, 64, 1],
    }
    for name, widths in layers.items():
        linear = [m for m in head.get_submodule(name).modules() if isinstance(m, nn.Linear)]
        assert [linear[0].in_features, *(m.out_features for m in linear)] == widths
    assert not [m for m in head.modules() if isinstance(m, nn.Linear) and m.bias is not None]
    assert {m.negative_slope for m in head.modules() if isinstance(m, nn.LeakyReLU)} == {0.001}


def test_split_trunk_gives_each_branch_its_own_half(make_head):
    head = make_head(split_trunk=True).eval()
    u = torch.randn(3, 6, dtype=torch.float64)
    identity, style = head.split(u)
    first, second = head.trunk(u).chunk(2, 1)
    assert torch.equal(identity, head.to_identity(first)) and torch.equal(style, head.to_style(second))


@pytest.mark.parametrize("alignment", ["relation", "matching", "prototype"])
def test_factors_and_latents_keep_their_shapes(make_head, alignment):
    head = make_head(alignment=alignment).eval()
    factors = head.disentangle(torch.randn(7, 6, dtype=torch.float64))
    assert {name: f.shape for name, f in factors.items()} == {"identity": (7, 6), "style": (7, 6)}
    assert head.entangle(factors).shape == (7, 6)
    assert head.score(factors["identity"], factors["identity"]).shape == (7,)
    assert [(f.name, f.role, f.label) for f in head.factors] == [
        ("identity", "content", "content"),
        ("style", "style", None),
    ]


def test_maps_are_flattened_and_come_back():
    torch.manual_seed(0)
    head = FDEN(FDENConfig(trunk=(16,), standardise="channel"), LatentSpec((2, 3, 4))).eval()
    z = torch.randn(5, 2, 3, 4)
    factors = head.disentangle(z)
    assert factors["style"].shape == (5, 24)
    assert head.entangle(factors).shape == z.shape


def test_factor_width_may_differ_from_the_latent(make_head):
    head = make_head(factor_width=3).eval()
    factors = head.disentangle(torch.randn(4, 6, dtype=torch.float64))
    assert factors["identity"].shape == (4, 3)
    assert head.entangle(factors).shape == (4, 6)


def test_too_wide_a_latent_is_refused():
    with pytest.raises(CapabilityError, match="64 x 9 x 9 = 5184"):
        FDEN(FDENConfig(map="flattened"), LatentSpec((64, 9, 9)))
    with pytest.raises(CapabilityError, match=r"found: +4097\n"):
        FDEN(FDENConfig(), LatentSpec((4097,)))
    with pytest.raises(CapabilityError, match="alignment network"):
        FDEN(FDENConfig(alignment="relation", map="positions"), LatentSpec((64, 9, 9)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"gamma": -1},
        {"ways": 1},
        {"query_classes": 6},
        {"dropout": 1.0},
        {"trunk": ()},
        {"critic": (8, 0)},
        {"lr": 0},
        {"betas": (0.5, 1.0)},
        {"alignment": "siamese"},
        {"map": "squinting"},
        {"clip": "always"},
        {"factor_width": 0},
        {"labels": ()},
        {"labels": ("style",)},
        {"labels": ("content", "content")},
        {"adversary": -1.0},
        {"critic_average": 1.0},
        {"critic_branch": (8, 0)},
        {"reconstruction": "pairs"},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        FDENConfig(**wrong)


def test_finish_sets_the_statistics_of_the_finished_networks(make_head, training_latents):
    head = make_head(alignment="relation")
    head.prepare({DEFAULT_DOMAIN: training_latents})
    head.finish({DEFAULT_DOMAIN: training_latents})
    head.eval()
    u = head.standardised(training_latents.z.double())
    torch.testing.assert_close(u.mean(0), torch.zeros(6, dtype=torch.float64), atol=1e-5, rtol=0)
    torch.testing.assert_close(u.var(0, correction=0), torch.ones(6, dtype=torch.float64), atol=1e-5, rtol=0)
    identity, style = head.split(u)
    shared = head.trunk(u)
    joined = torch.cat([head.from_identity(identity), head.from_style(style)], 1)
    seen = {
        "trunk": u,
        "to_identity": shared,
        "to_style": shared,
        "from_identity": identity,
        "from_style": style,
        "merge": joined,
    }
    for name, rows in seen.items():
        part = getattr(head, name)
        first = part.linear1(rows)
        torch.testing.assert_close(part.norm1.running_mean, first.mean(0), msg=name)
        torch.testing.assert_close(part.norm1.running_var, first.var(0, correction=0), msg=name)
    pairs = torch.cat([identity, identity[head._partners(training_latents.label("content"), 5)]], 1)
    seen_by_relation = head.relation.network.linear1(pairs)
    torch.testing.assert_close(head.relation.network.norm1.running_mean, seen_by_relation.mean(0))
    torch.testing.assert_close(head.relation.network.norm1.running_var, seen_by_relation.var(0, correction=0))


def test_partners_are_of_the_same_class_as_often_as_in_episodes(make_head):
    labels = torch.arange(50).repeat(40)
    same = (labels[make_head()._partners(labels, 4)] == labels).double().mean().item()
    # one in four by design, and one in fifty of the rest by chance
    expected = 0.25 + 0.75 * 0.02
    assert same == pytest.approx(expected, abs=0.03)
