import math

import pytest
import torch
from torch.nn import functional as F

from unbraid.core.interfaces import DEFAULT_DOMAIN, Draws, EpisodeRows, LatentSpec, total
from unbraid.core.nn import donsker_varadhan
from unbraid.core.training import make_sampler
from unbraid.plugins.fden.clipping import adaptively_clipped
from unbraid.plugins.fden.config import FDENConfig
from unbraid.plugins.fden.losses import Factorising, dependence
from unbraid.plugins.fden.model import FDEN


def draws(step=0, device="cpu"):
    return Draws(3, "test", step, device)


@pytest.fixture
def batch(training_latents):
    spec = Factorising(FDEN(FDENConfig(episodes=4, shots=2, query_classes=1), LatentSpec((6,)))).episodes["content"]
    rows = make_sampler(spec, {DEFAULT_DOMAIN: training_latents})(draws())
    return {"episodes": EpisodeRows(rows.support.double(), rows.query.double(), rows.target)}


def parameters(modules):
    return [p for module in modules for p in module.parameters()]


def bound_of(head, batch):
    """L_M written out, without any reversal."""
    e = batch["episodes"]
    z = torch.cat([e.support.flatten(0, 2), e.query.flatten(0, 1)])
    found = head.disentangle(z)
    return dependence(head.statistician, [found["identity"], found["style"]], draws())


class TestTerms:
    def test_each_against_its_equation(self, make_head, batch, training_latents):
        head = make_head(alpha=2.0, beta=3.0, gamma=0.25)
        head.prepare({DEFAULT_DOMAIN: training_latents})
        terms = Factorising(head).loss(batch, draws())
        e = batch["episodes"]
        z = torch.cat([e.support.flatten(0, 2), e.query.flatten(0, 1)])
        std, mean = head.standardise.std, head.standardise.mean
        factors = head.disentangle(z)
        rebuilt = head.entangle(factors)
        expected = (((rebuilt - mean) / std - (z - mean) / std) ** 2).mean()
        torch.testing.assert_close(terms["reconstruction"].value, expected)
        of_support = factors["identity"][: 4 * 5 * 2].view(4, 5, 2, 6)
        of_query = factors["identity"][4 * 5 * 2 :].view(4, 1, 6)
        losses = []
        for episode in range(4):
            distance = [(of_query[episode, 0] - of_support[episode, c].mean(0)).square().sum() for c in range(5)]
            losses.append(-F.log_softmax(-torch.stack(distance), 0)[e.target[episode, 0]])
        torch.testing.assert_close(terms["alignment"].value, torch.stack(losses).mean())
        identity, style = factors["identity"], factors["style"]
        shuffled = style[draws().permutation(len(z))]
        joint, marginal = head.statistician(
            torch.cat([torch.cat([identity, style], 1), torch.cat([identity, shuffled], 1)])
        ).split(len(z))
        bound = donsker_varadhan(joint, marginal)
        torch.testing.assert_close(terms["mutual_information"].value, bound)
        weighted = (
            2 * terms["reconstruction"].value + 3 * terms["alignment"].value - 0.25 * terms["mutual_information"].value
        )
        torch.testing.assert_close(total(terms), weighted)

    def test_every_latent_of_the_step_enters_the_bound(self, make_head, batch):
        head = make_head()
        rows = []
        head.statistician.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
        Factorising(head).loss(batch, draws())
        assert rows == [2 * 4 * (5 * 2 + 1)]  # joint and marginal, support and query

    @pytest.mark.parametrize("alignment", ["relation", "prototype"])
    def test_alignment_starts_at_chance_where_identities_are_next_to_zero(self, make_head, batch, alignment):
        head = make_head(alignment=alignment, initialiser="truncated_normal")
        value = Factorising(head).loss(batch, draws())["alignment"].value.item()
        assert value == pytest.approx(math.log(5), abs=0.01)

    def test_no_critic_without_gamma(self, make_head, batch):
        head = make_head(gamma=0.0)
        objective = Factorising(head).objective()
        assert set(objective.loss(batch, draws())) == {"reconstruction", "alignment"}
        critic = {id(p) for p in head.statistician.parameters()}
        assert critic.isdisjoint(id(p) for p in objective.parameters)

    def test_the_same_draws_give_the_same_numbers(self, make_head, batch):
        objective = Factorising(make_head()).objective()
        first, again, other = (total(objective.loss(batch, draws(step))) for step in (0, 0, 1))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


class TestWhoMovesWhere:
    @pytest.mark.parametrize("clip", ["global", "per_tensor", "off"])
    def test_one_step_of_the_statistician_raises_the_bound(self, make_head, batch, clip):
        head = make_head(clip=clip)
        before = bound_of(head, batch)
        factorising = Factorising(head)
        factorising.backward(factorising.loss(batch, draws()))
        with torch.no_grad():
            for parameter in head.statistician.parameters():
                parameter -= 1e-3 * parameter.grad
        assert bound_of(head, batch) > before

    def test_the_disentangler_goes_against_the_bound(self, make_head, batch):
        head = make_head(alpha=0.0, beta=0.0, clip="off")
        before = bound_of(head, batch)
        theta = parameters(head.disentangler)
        up = torch.autograd.grad(before, theta)
        factorising = Factorising(head)
        factorising.backward(factorising.loss(batch, draws()))
        for parameter, rising in zip(theta, up, strict=True):
            torch.testing.assert_close(parameter.grad, head.config.gamma * rising)  # descent lowers L_M
        with torch.no_grad():
            for parameter in theta:
                parameter -= 1e-3 * parameter.grad
        assert bound_of(head, batch) < before

    @pytest.mark.parametrize("clip", ["global", "per_tensor", "off"])
    def test_entangler_and_alignment_hear_nothing_of_the_bound(self, make_head, batch, clip):
        gradients = []
        for gamma in (0.5, 50.0):
            head = make_head(alignment="relation", clip=clip, gamma=gamma)
            factorising = Factorising(head)
            factorising.backward(factorising.loss(batch, draws()))
            gradients.append([p.grad for p in parameters(head.task_parts)])
        for low, high in zip(*gradients, strict=True):
            assert torch.equal(low, high)

    def test_statistician_is_never_clipped_and_scales_with_gamma(self, make_head, batch):
        head = make_head(gamma=7.0)
        xi = list(head.statistician.parameters())
        up = torch.autograd.grad(bound_of(head, batch), xi)
        factorising = Factorising(head)
        factorising.backward(factorising.loss(batch, draws()))
        for parameter, rising in zip(xi, up, strict=True):
            torch.testing.assert_close(parameter.grad, -7.0 * rising)

    @pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (3.0, 0.0), (0.0, 2.0)])
    def test_task_gradients_scale_with_alpha_and_beta(self, make_head, batch, alpha, beta):
        head = make_head(alpha=alpha, beta=beta, gamma=0.0)
        theta = parameters(head.disentangler)
        terms = Factorising(head).loss(batch, draws())
        of_each = [
            torch.autograd.grad(terms[name].value, theta, retain_graph=True, materialize_grads=True)
            for name in ("reconstruction", "alignment")
        ]
        Factorising(head).backward(terms)
        for parameter, r, c in zip(theta, *of_each, strict=True):
            torch.testing.assert_close(parameter.grad, alpha * r + beta * c)


class TestAdaptiveClipping:
    @pytest.mark.parametrize("gamma", [0.01, 0.5, 100.0])
    @pytest.mark.parametrize("clip", ["global", "per_tensor"])
    def test_gradient_of_theta_is_equation_7(self, make_head, batch, clip, gamma):
        head = make_head(clip=clip, gamma=gamma)
        theta = parameters(head.disentangler)
        terms = Factorising(head).loss(batch, draws())
        task = terms["reconstruction"].value + terms["alignment"].value
        g_u = torch.autograd.grad(task, theta, retain_graph=True, materialize_grads=True)
        g_m = [gamma * g for g in torch.autograd.grad(bound_of(head, batch), theta)]
        Factorising(head).backward(terms)
        whole_u, whole_m = (math.sqrt(sum(float(g.square().sum()) for g in gs)) for gs in (g_u, g_m))
        for parameter, u, m in zip(theta, g_u, g_m, strict=True):
            if clip == "per_tensor" and parameter.ndim == 1:
                factor = 1.0  # the authors' code never clips vectors
            elif clip == "per_tensor":
                factor = min(float(u.norm()), float(m.norm())) / float(m.norm())
            else:
                factor = min(whole_u, whole_m) / whole_m
            torch.testing.assert_close(parameter.grad, u + factor * m)

    @pytest.mark.parametrize("how", ["global", "per_tensor"])
    def test_zero_gradients_stay_finite(self, how):
        some, none = torch.ones(2, 2), torch.zeros(2, 2)
        assert torch.equal(adaptively_clipped([some], [none], how)[0], none)
        assert torch.equal(adaptively_clipped([none], [some], how)[0], none)
        assert torch.equal(adaptively_clipped([none], [none], how)[0], none)

    def test_per_tensor_norms_are_their_own(self):
        task = [torch.tensor([[3.0, 4.0]]), torch.tensor([[100.0, 0.0]])]
        critic = [torch.tensor([[0.0, 50.0]]), torch.tensor([[0.0, 50.0]])]
        clipped = adaptively_clipped(task, critic, "per_tensor")
        torch.testing.assert_close(clipped, [torch.tensor([[0.0, 5.0]]), torch.tensor([[0.0, 50.0]])])


class TestEngine:
    @pytest.mark.parametrize("alignment", ["relation", "matching", "prototype"])
    @pytest.mark.parametrize("clip", ["global", "per_tensor", "off"])
    def test_a_step_never_waits_for_the_device(self, alignment, clip):
        """The meta device holds no values: whatever asks for one raises."""
        with torch.device("meta"):
            config = FDENConfig(alignment=alignment, clip=clip, query_classes=1)
            head = FDEN(config, LatentSpec((6,))).train()
            episodes = EpisodeRows(torch.empty(16, 5, 1, 6), torch.empty(16, 1, 6), torch.empty(16, 1).long())
        objective = Factorising(head).objective()
        objective.backward(objective.loss({"episodes": episodes}, draws(device="meta")))
        assert all(p.grad is not None and p.grad.shape == p.shape for p in objective.parameters)

    def test_extra_critic_steps_move_the_statistician_alone(self, make_head, training_latents):
        head = make_head(critic_steps=3)
        estimate, factorise = head.objectives({})
        assert (estimate.repeat, factorise.repeat) == (3, 1)
        assert {id(p) for p in estimate.parameters} == {id(p) for p in head.statistician.parameters()}
        (spec,) = estimate.batch.values()
        assert spec.n == 4 * (5 * 1 + 1)
        head = head.float()
        rows = make_sampler(spec, {DEFAULT_DOMAIN: training_latents})(draws())
        losses = estimate.loss({"rows": rows}, draws())
        total(losses).backward()
        assert all(p.grad is None for p in parameters([*head.disentangler, *head.task_parts]))
        assert all(p.grad is not None for p in head.statistician.parameters())

    @pytest.mark.parametrize("shots", [1, 3])
    def test_relation_score_is_the_mean_over_shots(self, make_head, shots):
        head = make_head(alignment="relation").eval()
        support = torch.randn(2, 4, shots, 6, dtype=torch.float64)
        query = torch.randn(2, 3, 6, dtype=torch.float64)
        logits = head.align(support, query)
        for e in range(2):
            for q in range(3):
                for c in range(4):
                    scores = [head.score(support[e, c, k][None], query[e, q][None]) for k in range(shots)]
                    torch.testing.assert_close(logits[e, q, c], torch.cat(scores).mean())

    @pytest.mark.parametrize("alignment", ["matching", "prototype"])
    def test_one_shot_scores_rank_ways_as_training_does(self, make_head, alignment):
        head = make_head(alignment=alignment).eval()
        support, query = torch.randn(5, 6, dtype=torch.float64), torch.randn(1, 6, dtype=torch.float64)
        logits = head.align(support.view(1, 5, 1, 6), query.view(1, 1, 6)).flatten()
        scores = head.score(support, query.expand(5, 6))
        torch.testing.assert_close(logits.log_softmax(0), scores.log_softmax(0))
