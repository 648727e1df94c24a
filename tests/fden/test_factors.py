"""One labelled factor is the source paper's network; two are the journal version's."""

import pytest
import torch
from torch.nn import functional as F

import unbraid
from unbraid.core.interfaces import DEFAULT_DOMAIN, Draws, Episodes, LatentSpec, derive_seed
from unbraid.core.latents import Latents
from unbraid.core.nn import MLP, donsker_varadhan, gradient_reversal, initialise, prototype_logits
from unbraid.core.training import FitSettings, make_sampler, train
from unbraid.plugins.fden.clipping import adaptively_clipped
from unbraid.plugins.fden.config import FDENConfig
from unbraid.plugins.fden.losses import Factorising, dependence
from unbraid.plugins.fden.model import FDEN

STEPS, SEED, DIM = 3, 5, 8
BOTH = ("content", "style")


@pytest.fixture(scope="module")
def crossed() -> Latents:
    """Ten contents in six styles, three rows of each: two class means and noise."""
    g = torch.Generator().manual_seed(1)
    content, style = torch.arange(180) // 18, torch.arange(180) % 6
    z = torch.randn(10, DIM, generator=g)[content] + torch.randn(6, DIM, generator=g)[style]
    return Latents(
        mean=z + 0.2 * torch.randn(180, DIM, generator=g),
        log_variance=None,
        labels={"content": content, "style": style},
        spec=LatentSpec((DIM,)),
        classes={"content": 10, "style": 6},
    )


def source_paper(latents: Latents) -> dict[str, MLP]:
    """The network of one labelled factor and its training, written out without the head."""
    torch.manual_seed(0)
    widths = {
        "trunk": (DIM, 256, 256, 256, 2 * DIM),
        "to_identity": (2 * DIM, 256, 256, DIM),
        "to_style": (2 * DIM, 256, 256, DIM),
        "from_identity": (DIM, 256, 256, DIM),
        "from_style": (DIM, 256, 256, DIM),
        "merge": (2 * DIM, 256, 256, 256, DIM),
        "statistician": (2 * DIM, 512, 256, 64, 1),
    }
    nets = torch.nn.ModuleDict({name: MLP(each) for name, each in widths.items()})
    initialise(nets, "glorot")
    theta = [p for name in ("trunk", "to_identity", "to_style") for p in nets[name].parameters()]
    phi = [p for name in ("from_identity", "from_style", "merge") for p in nets[name].parameters()]
    xi = list(nets["statistician"].parameters())
    adam = torch.optim.Adam([*theta, *phi, *xi], lr=1e-3, betas=(0.5, 0.999), fused=True)
    sampler = make_sampler(Episodes(5, 1, 1, n=16, query_classes=5), {DEFAULT_DOMAIN: latents})
    mean, variance = latents.moments()
    for step in range(STEPS):
        draws = Draws(SEED, "train/factorise/0", step)
        e = sampler(draws)
        torch.manual_seed(derive_seed(SEED, "train/factorise/0/modules", step))
        u = (torch.cat([e.support.flatten(0, 2), e.query.flatten(0, 1)]) - mean.float()) / variance.sqrt().float()
        shared = nets["trunk"](u)
        identity, style = nets["to_identity"](shared), nets["to_style"](shared)
        rebuilt = nets["merge"](torch.cat([nets["from_identity"](identity), nets["from_style"](style)], 1))
        logits = prototype_logits(identity[:80].view(16, 5, 1, DIM), identity[80:].view(16, 5, DIM))
        alignment = F.cross_entropy(logits.flatten(0, 1), e.target.flatten())
        task = torch.stack([F.mse_loss(rebuilt, u) * 10.0, alignment * 1.0]).sum()
        i, s = gradient_reversal(identity), gradient_reversal(style)
        pairs = torch.cat([torch.cat([i, s], 1), torch.cat([i, s[draws.permutation(len(u))]], 1)])
        bound = donsker_varadhan(*nets["statistician"](pairs).chunk(2))
        of_task = torch.autograd.grad(task, theta + phi, retain_graph=True)
        of_critic = torch.autograd.grad(bound * -0.5, theta + xi)
        clipped = adaptively_clipped(of_task[: len(theta)], of_critic[: len(theta)], "global")
        for p, g in zip(theta, [u + a for u, a in zip(of_task, clipped, strict=False)], strict=True):
            p.grad = g
        for p, g in zip(phi + xi, [*of_task[len(theta) :], *of_critic[len(theta) :]], strict=True):
            p.grad = g
        adam.step()
    return nets


def test_one_labelled_factor_is_the_source_paper_bit_for_bit(crossed):
    torch.manual_seed(0)
    head = FDEN(FDENConfig(), crossed.spec)
    head.prepare({DEFAULT_DOMAIN: crossed})
    train(head, head.objectives({}), {DEFAULT_DOMAIN: crossed}, FitSettings(steps=STEPS, seed=SEED, quiet=True))
    assert set(head.state_dict()) == {*source_paper(crossed).state_dict(), "standardise.mean", "standardise.std"}
    for name, tensor in source_paper(crossed).state_dict().items():
        assert torch.equal(head.state_dict()[name], tensor), name


def test_two_labels_give_three_factors(make_head):
    head = make_head(labels=BOTH, factor_width=3).eval()
    assert [(f.name, f.role, f.label, f.shape) for f in head.factors] == [
        ("identity", "content", "content", (3,)),
        ("attribute", "style", "style", (3,)),
        ("style", "style", None, (3,)),
    ]
    z = torch.randn(7, 6, dtype=torch.float64)
    factors = head.disentangle(z)
    assert {name: f.shape for name, f in factors.items()} == dict.fromkeys(("identity", "attribute", "style"), (7, 3))
    assert head.entangle(factors).shape == (7, 6)
    assert {name: len(part) for name, part in head.graphs()["entangle"].inputs.items()} == dict.fromkeys(factors, 1)


def test_each_factor_counts_in_what_is_put_together(make_head):
    head = make_head(labels=BOTH).eval()
    factors = head.disentangle(torch.randn(4, 6, dtype=torch.float64))
    whole = head.entangle(factors)
    for name in factors:
        assert not torch.allclose(head.entangle({**factors, name: factors[name] + 1}), whole), name


@pytest.fixture
def both(crossed, make_head):
    """A head of two labels and one batch for it."""
    head = make_head(dim=DIM, labels=BOTH, gamma=0.25, beta=3.0)
    head.prepare({DEFAULT_DOMAIN: crossed})
    factorising = Factorising(head)
    draws = Draws(3, "test", 0)
    drawn = {name: make_sampler(spec, {DEFAULT_DOMAIN: crossed})(draws) for name, spec in factorising.batch().items()}
    batch = {n: e._replace(support=e.support.double(), query=e.query.double()) for n, e in drawn.items()}
    return head, factorising, batch


def test_terms_of_two_labels_against_their_equations(both):
    head, factorising, batch = both
    terms = factorising.loss(batch, Draws(0, "loss", 0))
    rows = [r for e in batch.values() for r in (e.support.flatten(0, 2), e.query.flatten(0, 1))]
    u = head.standardised(torch.cat(rows))
    factors = head.split(u)
    torch.testing.assert_close(terms["reconstruction"].value, (head.join(*factors) - u).square().mean())
    for position, (term, e) in enumerate(zip(("alignment", "style_alignment"), batch.values(), strict=True)):
        start = position * len(u) // 2
        own = factors[position][start : start + len(u) // 2]
        support, query = own[:20].view(4, 5, -1), own[20:].view(4, 1, -1)
        logits = -(query.unsqueeze(2) - support.unsqueeze(1)).square().sum(-1)
        expected = -logits.log_softmax(-1).gather(-1, e.target.unsqueeze(-1)).mean()
        torch.testing.assert_close(terms[term].value, expected)
        assert terms[term].weight == 3.0
    assert terms["mutual_information"].weight == -0.25


def test_style_episodes_are_of_style_classes(both, crossed):
    _, _, batch = both
    where = {tuple(row.tolist()): i for i, row in enumerate(crossed.mean.double())}
    for name, role in (("episodes", "content"), ("style_episodes", "style")):
        support = batch[name].support
        found = torch.tensor([where[tuple(z.tolist())] for z in support.flatten(0, 2)]).view(support.shape[:3])
        assert all(len(set(crossed.label(role)[episode].flatten().tolist())) == 5 for episode in found)


def test_every_label_moves_its_own_branch_alone(both):
    head, factorising, batch = both
    terms = factorising.loss(batch, Draws(0, "loss", 0))
    for term, own, other in (
        ("alignment", head.to_identity, head.to_attribute),
        ("style_alignment", head.to_attribute, head.to_identity),
    ):
        parts = [*own.parameters(), *other.parameters(), *head.to_style.parameters()]
        found = torch.autograd.grad(terms[term].value, parts, retain_graph=True, allow_unused=True)
        moved = [g is not None and bool(g.any()) for g in found]
        count = len(list(own.parameters()))
        assert all(moved[: count - 3]) and not any(moved[count:])


class TestTotalCorrelation:
    """The bound with the best critic there is: the log ratio of joint and product, in closed form."""

    @staticmethod
    def gaussian(rho: float):
        covariance = torch.full((3, 3), rho, dtype=torch.float64) + (1 - rho) * torch.eye(3, dtype=torch.float64)
        g = torch.Generator().manual_seed(0)
        x = torch.randn(200_000, 3, dtype=torch.float64, generator=g) @ torch.linalg.cholesky(covariance).T
        precision = torch.linalg.inv(covariance) - torch.eye(3, dtype=torch.float64)
        truth = -0.5 * torch.logdet(covariance)

        def critic(joined):
            return truth - 0.5 * ((joined @ precision) * joined).sum(1, keepdim=True)

        return x, critic, truth

    @pytest.mark.parametrize("rho", [0.0, 0.3, 0.5])
    def test_best_critic_gives_the_total_correlation_of_gaussians(self, rho):
        x, critic, truth = self.gaussian(rho)
        found = dependence(critic, x.split(1, 1), Draws(0, "tc", 0))
        torch.testing.assert_close(found, truth, atol=0.01, rtol=0)

    def test_each_factor_is_shuffled_by_itself(self):
        """Two copies of one number depend on each other even where a third factor is independent of both."""
        seen = []

        def critic(joined):
            seen.append(joined)
            return joined[:, :1] * 0

        n = 1000
        dependence(critic, [torch.arange(n)[:, None].double()] * 3, Draws(0, "tc", 0))
        joint, product = seen[0].chunk(2)
        assert torch.equal(joint, torch.arange(n).double()[:, None].expand(n, 3))
        for column in range(3):
            assert torch.equal(product[:, column].sort().values, joint[:, column])
        agree = [(product[:, a] == product[:, b]).double().mean() for a, b in ((0, 1), (0, 2), (1, 2))]
        assert max(agree) < 0.02


@pytest.mark.parametrize("alignment", ["relation", "matching", "prototype"])
@pytest.mark.parametrize("critic_steps", [0, 2])
def test_two_labels_train(crossed, make_head, alignment, critic_steps):
    head = make_head(dim=DIM, labels=BOTH, alignment=alignment, critic_steps=critic_steps).float()
    head.prepare({DEFAULT_DOMAIN: crossed})
    before = {name: t.clone() for name, t in head.named_parameters()}
    train(head, head.objectives({}), {DEFAULT_DOMAIN: crossed}, FitSettings(steps=2, quiet=True))
    assert all(not torch.equal(t, before[name]) for name, t in head.named_parameters())
    head.finish({DEFAULT_DOMAIN: crossed})
    assert all(f.isfinite().all() for f in head.eval().disentangle(crossed.z).values())


def test_labels_come_through_the_front_door_and_back(tmp_path):
    glyphs = unbraid.load_dataset("glyphs")
    backbone = unbraid.load_backbone("vae", weights="builtin:glyphs")
    model = unbraid.attach("fden", backbone, labels=["content", "style"], trunk=(16,), branch=(16,), critic=(16,))
    model.fit(glyphs, steps=1, quiet=True)
    again = unbraid.load(model.save(tmp_path / "head"), backbone)
    pictures = glyphs.images[:4]
    one, two = model.disentangle(pictures), again.disentangle(pictures)
    assert list(one) == ["identity", "attribute", "style"]
    assert all(torch.equal(one[name], two[name]) for name in one)
