"""The class adversary, the statistician of the authors' code and its moving average."""

import math

import pytest
import torch

from unbraid.core.interfaces import DEFAULT_DOMAIN, Draws, Rows, total
from unbraid.core.training import FitSettings, make_sampler, train
from unbraid.plugins.fden.critics import BranchedStatistician, ClassAdversary
from unbraid.plugins.fden.losses import Factorising, dependence


@pytest.fixture
def against(make_head, training_latents):
    """Makes a head with an adversary, and one batch for it."""

    def make(**settings):
        head = make_head(**{"adversary": 0.5, "gamma": 0.0, **settings})
        torch.manual_seed(1)
        head.prepare({DEFAULT_DOMAIN: training_latents})
        factorising = Factorising(head)
        draws, sources = Draws(3, "test", 0), {DEFAULT_DOMAIN: training_latents}
        drawn = {name: make_sampler(spec, sources)(draws) for name, spec in factorising.batch().items()}
        e, rows = drawn["episodes"], drawn["rows"]
        batch = {
            "episodes": e._replace(support=e.support.double(), query=e.query.double()),
            "rows": Rows(rows.z.double(), rows.labels),
        }
        return head, factorising, batch

    return make


def read_by(head, rows):
    return head.adversary(head.disentangle(rows.z)["style"], rows.labels["content"])


class TestAdversary:
    def test_is_off_unless_asked_for(self, make_head, training_latents):
        head = make_head()
        head.prepare({DEFAULT_DOMAIN: training_latents})
        assert head.adversary is None and list(Factorising(head).batch()) == ["episodes"]

    def test_cross_entropy_is_that_of_labelled_rows(self):
        torch.manual_seed(0)
        adversary = ClassAdversary(3, 4, slope=0.01).eval()
        codes, labels = torch.randn(5, 3), torch.tensor([2, -1, 0, 3, -1])
        logits = adversary.network(codes)
        expected = -logits.log_softmax(1)[[0, 2, 3], [2, 0, 3]].mean()
        torch.testing.assert_close(adversary(codes, labels), expected)
        assert adversary(codes, torch.full((5,), -1)) == 0  # and not NaN

    @pytest.mark.parametrize("clip", ["off", "global"])
    def test_descends_itself_and_drives_style_the_other_way(self, against, clip):
        head, factorising, batch = against(clip=clip, alpha=0.0, beta=0.0)
        theta, own = list(head.to_style.parameters()), list(head.adversary.parameters())
        up = torch.autograd.grad(read_by(head, batch["rows"]), theta + own)
        factorising.backward(factorising.loss(batch, Draws(0, "loss", 0)))
        for parameter, rising in zip(own, up[len(theta) :], strict=True):
            torch.testing.assert_close(parameter.grad, 0.5 * rising)
        for parameter, rising in zip(theta, up, strict=False):
            # clipped to the task's gradient, which is zero here
            torch.testing.assert_close(parameter.grad, -0.5 * rising if clip == "off" else torch.zeros_like(rising))

    def test_identity_entangler_and_alignment_hear_nothing_of_it(self, against):
        gradients = []
        for weight in (0.5, 50.0):
            head, factorising, batch = against(adversary=weight, alignment="relation", clip="off")
            factorising.backward(factorising.loss(batch, Draws(0, "loss", 0)))
            parts = [head.to_identity, *head.task_parts]
            gradients.append([p.grad for part in parts for p in part.parameters()])
        for low, high in zip(*gradients, strict=True):
            assert torch.equal(low, high)

    def test_reads_attribute_and_style_of_two_labels(self, make_head, training_latents):
        head = make_head(labels=("content", "style"), adversary=1.0, factor_width=3)
        head.prepare({DEFAULT_DOMAIN: training_latents})
        assert head.adversary.network.widths == (6, 256, 10)

    def test_stays_out_of_heads_and_comes_back_for_another_fit(self, make_head, training_latents):
        head = make_head(adversary=1.0, critic_average=0.1).float()
        sources = {DEFAULT_DOMAIN: training_latents}
        for _ in range(2):
            head.prepare(sources)
            train(head, head.objectives({}), sources, FitSettings(steps=1, quiet=True))
        assert any(name.startswith("adversary.") for name in head.state_dict())
        assert not [n for n in head.head_state() if n.startswith(("adversary", "moving_bound", "statistician"))]


def test_statistician_of_the_code_treats_each_factor_by_itself():
    torch.manual_seed(0)
    critic = BranchedStatistician(2, 4, (5, 3), (6,), dropout=0.0, slope=0.01, bias=False).eval()
    x = torch.randn(7, 8)
    by_hand = critic.joint(torch.cat([critic.branches[0](x[:, :4]), critic.branches[1](x[:, 4:])], 1))
    assert torch.equal(critic(x), by_hand)
    assert [m.in_features for m in critic.modules() if isinstance(m, torch.nn.Linear)] == [4, 5, 4, 5, 6, 6]


class TestMovingAverage:
    def test_first_step_is_the_plain_bound(self, make_head, training_latents):
        plain, moving = make_head(), make_head(critic_average=0.01)
        factors = plain.split(training_latents.z.double())
        values = [dependence(h.statistician, factors, Draws(0, "b", 0), h.bound) for h in (plain, moving)]
        torch.testing.assert_close(*values)
        one, two = (
            torch.autograd.grad(v, list(h.statistician.parameters()), retain_graph=True)
            for v, h in zip(values, (plain, moving), strict=True)
        )
        torch.testing.assert_close(one, two)

    def test_later_gradients_divide_by_the_average(self, make_head):
        """Equation (12) of MINE: grad mean T - mean(exp(T) grad T) / m, with m from both batches."""
        head = make_head(critic_average=0.25)
        first, second = (
            torch.randn(9, dtype=torch.float64, generator=torch.Generator().manual_seed(s)) for s in (0, 1)
        )
        joint, marginal = torch.zeros(9, dtype=torch.float64), second.clone().requires_grad_()
        head.bound(joint, first)
        value = head.bound(joint, marginal)
        value.backward()
        m = 0.75 * first.exp().mean() + 0.25 * second.exp().mean()
        torch.testing.assert_close(marginal.grad, -second.exp() / 9 / m, rtol=1e-6, atol=0)
        assert value.item() == pytest.approx(-math.log(second.exp().mean()), rel=1e-6)

    def test_is_kept_in_checkpoints(self, make_head):
        assert "moving_bound.log_average" in make_head(critic_average=0.01).state_dict()
        assert not [name for name in make_head().state_dict() if "bound" in name]


def test_reconstruction_of_the_code_weighs_support_and_query_alike(against):
    head, factorising, batch = against(reconstruction="sets")
    e = batch["episodes"]
    u = head.standardised(torch.cat([e.support.flatten(0, 2), e.query.flatten(0, 1)]))
    errors = (head.join(*head.split(u)) - u).square()
    found = factorising.loss(batch, Draws(0, "loss", 0))
    torch.testing.assert_close(found["reconstruction"].value, errors[:20].mean() + errors[20:].mean())
    assert torch.isfinite(total(found))
