from collections.abc import Mapping

import pytest
import torch
from torch.distributions import Normal, kl_divergence

import unbraid
from unbraid.core.errors import CapabilityError, ConfigError
from unbraid.core.interfaces import DEFAULT_DOMAIN, Draws, Pairs, Posterior, Rows, total
from unbraid.core.training import make_sampler
from unbraid.core.training.runner import ObjectiveRunner
from unbraid.core.training.watch import FiniteWatch
from unbraid.plugins.cycle_vae.config import CycleVAEConfig


class Forbidden(Mapping):
    """Labels that nobody may look at."""

    def __getitem__(self, role):
        raise AssertionError(f"the loss read the labels of {role}")

    def __iter__(self):
        raise AssertionError("the loss read labels")

    def __len__(self):
        raise AssertionError("the loss read labels")


def draws(step=0, device="cpu"):
    return Draws(3, "test", step, device)


def batch_of(objective, latents, labels=None):
    """Draw what an objective asks for, in float64."""
    drawn = {name: make_sampler(spec, {DEFAULT_DOMAIN: latents})(draws()) for name, spec in objective.batch.items()}
    return {
        name: type(record)(*(z.double() for z in record[:-1]), record.labels if labels is None else labels)
        for name, record in drawn.items()
    }


def objectives(head, backbone=None):
    return {o.name: o for o in head.objectives({DEFAULT_DOMAIN: backbone})}


def flat(modules):
    return torch.cat([p.detach().flatten() for module in modules for p in module.parameters()])


class TestEquations:
    def test_forward_cycle(self, make_head, training_latents):
        head = make_head(reconstruction=2.0, kl=3.0)
        head.prepare({DEFAULT_DOMAIN: training_latents})
        forward = objectives(head)["forward"]
        batch = batch_of(forward, training_latents)
        terms = forward.loss(batch, draws())
        x1, x2 = ((z - head.standardise.mean) / head.standardise.std for z in batch["pairs"][:2])
        (q1, s1), (q2, s2) = head.codes(x1), head.codes(x2)
        noise = draws().normal(16, 2)
        u1, u2 = (q.mean + (q.log_variance / 2).exp() * e for q, e in zip((q1, q2), noise.split(8), strict=True))
        expected = (head.decoder(u1, s2) - x1).square().mean() + (head.decoder(u2, s1) - x2).square().mean()
        torch.testing.assert_close(terms["reconstruction"].value, expected)
        divergences = [kl_divergence(Normal(q.mean, (q.log_variance / 2).exp()), Normal(0.0, 1.0)) for q in (q1, q2)]
        torch.testing.assert_close(terms["kl"].value, sum(d.sum() for d in divergences) / (8 * 6))
        torch.testing.assert_close(total(terms), 2 * terms["reconstruction"].value + 3 * terms["kl"].value)

    @pytest.mark.parametrize("distance", ["l1", "wasserstein"])
    def test_reverse_cycle(self, make_head, training_latents, distance):
        head = make_head(distance=distance, reverse=7.0)
        reverse = objectives(head)["reverse"]
        batch = batch_of(reverse, training_latents)
        terms = reverse.loss(batch, draws())
        prior = draws().normal(8, 2).double()
        first, second = (
            head.codes(head.decoder(prior, head.codes(batch[name].z).specified)).unspecified
            for name in ("first", "second")
        )
        expected = (first.mean - second.mean).abs().mean()
        if distance == "wasserstein":
            one, two = ((p.log_variance / 2).exp() for p in (first, second))
            expected = ((first.mean - second.mean) ** 2 + (one - two) ** 2).sum(1).mean()
        torch.testing.assert_close(total(terms), 7 * expected)

    def test_reconstruction_in_the_reverse_cycle(self, make_head, training_latents):
        head = make_head(reverse_reconstruction=2.0)
        again = objectives(head)["reverse_reconstruction"]
        batch = batch_of(again, training_latents)
        prior = draws().normal(8, 2).double()
        expected = 0
        for name in ("first", "second"):
            q, s = head.codes(batch[name].z)
            made = head.decoder(prior, s)
            expected += (head.decoder(q.mean, head.codes(made).specified) - batch[name].z).square().mean()
        torch.testing.assert_close(total(again.loss(batch, draws())), 2 * expected)

    def test_a_perfect_head_loses_nothing_and_one_that_leaks_does(self, make_head, hands):
        first, second = hands.rows(12, classes=4)
        _, others = hands.rows(12, classes=3, seed=1)
        pairs = {"pairs": Pairs(first, second, Forbidden())}
        of_any = {"first": Rows(first, Forbidden()), "second": Rows(others, Forbidden())}
        found = {}
        for leak in (0.0, 0.5):
            head = hands.install(make_head(dim=5, reverse_reconstruction=1.0), leak)
            named = objectives(head)
            found[leak] = (
                named["forward"].loss(pairs, draws())["reconstruction"].value,
                named["reverse"].loss(of_any, draws())["cycle"].value,
                named["reverse_reconstruction"].loss(of_any, draws())["reconstruction"].value,
            )
        assert all(value < 1e-20 for value in found[0.0][::2]) and found[0.0][1] < 1e-12
        assert found[0.5][1] > 0.1  # what the reverse cycle is there to find

    def test_swapping_two_of_a_class_keeps_them(self, make_head, hands):
        head = hands.install(make_head(dim=5))
        first, second = hands.rows(12, classes=4)
        mine, theirs = head.disentangle(first), head.disentangle(second)
        swapped = head.entangle({**mine, "specified": theirs["specified"]})
        torch.testing.assert_close(swapped, first)
        changed = head.entangle({**mine, "unspecified": theirs["unspecified"]})
        torch.testing.assert_close(changed, second)


class TestSupervision:
    @pytest.mark.parametrize("settings", [{}, {"reverse_reconstruction": 1.0, "adversary": "both"}])
    def test_no_loss_looks_at_a_label(self, make_head, training_latents, settings):
        for objective in objectives(make_head(**settings)).values():
            assert torch.isfinite(total(objective.loss(batch_of(objective, training_latents, Forbidden()), draws())))

    def test_renamed_classes_change_nothing(self, make_head, training_latents):
        order = torch.randperm(10, generator=torch.Generator().manual_seed(0))
        for objective in objectives(make_head()).values():
            batch = batch_of(objective, training_latents)
            renamed = {
                n: r._replace(labels={role: order[ids] for role, ids in r.labels.items()}) for n, r in batch.items()
            }
            assert torch.equal(total(objective.loss(batch, draws())), total(objective.loss(renamed, draws())))


class TestWhoMoves:
    @pytest.mark.parametrize(
        ("name", "moved"),
        [
            ("forward", {"encoder", "decoder"}),
            ("reverse", {"encoder"}),
            ("reverse_reconstruction", {"encoder", "decoder"}),
            ("judge", {"discriminator"}),
        ],
    )
    def test_each_objective_moves_its_part(self, make_head, training_latents, name, moved):
        head = make_head(reverse_reconstruction=1.0, adversary="both", accuracy_limit=1.0).float()
        assert moves(head, objectives(head)[name], training_latents) == moved

    @pytest.mark.parametrize(
        ("adversary", "moved"), [("both", {"encoder", "decoder"}), ("decoder", {"decoder"}), ("off", set())]
    )
    def test_who_hears_the_adversary(self, make_head, training_latents, adversary, moved):
        head = make_head(adversary=adversary).float()
        found = objectives(head)
        assert ("deceive" in found) == bool(moved)
        if moved:
            assert moves(head, found["deceive"], training_latents) == moved

    def test_the_two_cycles_have_an_adam_each(self, make_head, training_latents):
        head = make_head()
        runners = [
            ObjectiveRunner(o, {DEFAULT_DOMAIN: training_latents}, torch.device("cpu"))
            for o in objectives(head).values()
        ]
        forward, reverse = (r.optimiser for r in runners)
        shared = {id(p) for p in head.encoder.parameters()}
        assert forward is not reverse
        assert all(shared <= {id(p) for g in o.param_groups for p in g["params"]} for o in (forward, reverse))


def moves(head, objective, latents):
    """Names of the parts whose weights one step changes."""
    parts = {name: module for name, module in head.named_children() if list(module.parameters())}
    before = {name: flat([module]) for name, module in parts.items()}
    runner = ObjectiveRunner(objective, {DEFAULT_DOMAIN: latents}, torch.device("cpu"))
    runner.run(0, 0, FiniteWatch(torch.device("cpu")))
    return {name for name, module in parts.items() if not torch.equal(before[name], flat([module]))}


class TestPixels:
    def test_the_cycle_goes_through_decoder_and_encoder(self, backbone):
        model = unbraid.attach("cycle_vae", backbone, cycle_through="pixels", pairs=4)
        head = model.head.train()
        rows = {name: Rows(draws(i).normal(4, 32), Forbidden()) for i, name in enumerate(("first", "second"))}
        found = objectives(head, backbone)["reverse"].loss(rows, draws())["cycle"].value
        prior = draws().normal(4, 16)
        means = []
        for row in rows.values():
            made = head.restored(head.decoder(prior, head.codes(head.standardise(row.z)).specified))
            means.append(head.posterior(backbone.encode(backbone.decode(made)))["unspecified"].mean)
        torch.testing.assert_close(found, (means[0] - means[1]).abs().mean())
        unchanged = objectives(unbraid.attach("cycle_vae", backbone, pairs=4).head, backbone)["reverse"]
        assert not torch.isclose(unchanged.loss(rows, draws())["cycle"].value, found)

    @pytest.mark.parametrize("settings", [{"cycle_through": "pixels"}, {"adversary": "both", "discriminate": "pixels"}])
    def test_a_backbone_that_cannot_is_refused_by_name(self, backbone, settings):
        unbraid.attach("cycle_vae", backbone, **settings)
        closed = unbraid.freeze(backbone.encoder, backbone.decoder, input=(1, 28, 28), gradient=False)
        with pytest.raises(CapabilityError, match=r"cycle_vae needs a backbone that can gradient"):
            unbraid.attach("cycle_vae", closed, **settings)
        blind = unbraid.freeze(backbone.encoder, input=(1, 28, 28))
        with pytest.raises(CapabilityError, match=r"cycle_vae needs a backbone that can decode"):
            unbraid.attach("cycle_vae", blind, **settings)
        unbraid.attach("cycle_vae", blind)

    @pytest.mark.parametrize("adversary", ["both", "decoder"])
    def test_gradients_reach_the_head_through_the_frozen_decoder(self, backbone, adversary):
        model = unbraid.attach("cycle_vae", backbone, adversary=adversary, discriminate="pixels", pairs=4)
        deceive = objectives(model.head.train(), backbone)["deceive"]
        losses = deceive.loss({"rows": Rows(draws().normal(4, 32), Forbidden())}, draws())
        gradients = torch.autograd.grad(total(losses), deceive.parameters, materialize_grads=True)
        assert any(g.abs().max() > 0 for g in gradients)
        assert all(p.grad is None for p in backbone.parameters())


def test_wasserstein_of_points_and_of_gaussians():
    from unbraid.core.nn import squared_wasserstein

    g = torch.Generator().manual_seed(0)
    m, n, v, w = torch.randn(4, 5, 3, generator=g, dtype=torch.float64)
    found = squared_wasserstein(Posterior(m, v), Posterior(n, w))
    # closed form of Gaussians with full covariances (Olkin and Pukelsheim 1982)
    for row in range(5):
        first, second = v[row].exp().diag(), w[row].exp().diag()
        root = first.sqrt()
        cross = torch.linalg.eigvalsh(root @ second @ root).sqrt().sum()
        expected = (m[row] - n[row]).square().sum() + first.trace() + second.trace() - 2 * cross
        torch.testing.assert_close(found[row], expected)
    torch.testing.assert_close(squared_wasserstein(Posterior(m), Posterior(n)), (m - n).square().sum(1))


@pytest.mark.parametrize(
    "settings",
    [
        {"kl": -1.0},
        {"specified": 0},
        {"hidden": ()},
        {"distance": "l2"},
        {"adversary": "encoder"},
        {"betas": (0.5, 1.0)},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ConfigError, match=f"cycle_vae: {next(iter(settings))} is out of range"):
        CycleVAEConfig(**settings)


@pytest.mark.parametrize(
    "settings", [{}, {"reverse_reconstruction": 1.0, "adversary": "both", "distance": "wasserstein"}]
)
def test_a_step_never_waits_for_the_device(settings):
    """The meta device holds no values: whatever asks for one raises."""
    from unbraid.core.interfaces import LatentSpec
    from unbraid.plugins.cycle_vae.model import CycleVAE

    with torch.device("meta"):
        head = CycleVAE(CycleVAEConfig(**settings), LatentSpec((6,))).train()
        z = torch.empty(64, 6)
    every = {"pairs": Pairs(z, z, Forbidden()), **{name: Rows(z, Forbidden()) for name in ("first", "second", "rows")}}
    for objective in objectives(head).values():
        losses = objective.loss(every, draws(device="meta"))
        torch.autograd.backward(total(losses), inputs=objective.parameters)
        if objective.gate is not None:
            assert objective.gate().is_meta
