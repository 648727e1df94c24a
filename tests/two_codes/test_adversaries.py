"""Mathieu's and Szabo's methods: the terms of the published code, who moves, and when the discriminator rests."""

import pytest
import torch
from torch.nn import functional as F

import unbraid
from unbraid.core.errors import CapabilityError, ConfigError
from unbraid.core.interfaces import DEFAULT_DOMAIN, Draws, LatentSpec, Pairs, Rows, total
from unbraid.core.nn import gaussian_kl
from unbraid.core.training.runner import ObjectiveRunner
from unbraid.core.training.watch import FiniteWatch
from unbraid.plugins.mathieu.config import MathieuConfig
from unbraid.plugins.mathieu.model import Mathieu
from unbraid.plugins.szabo.config import SzaboConfig
from unbraid.plugins.szabo.model import Szabo

CPU = torch.device("cpu")
EMPTY = {}  # what the losses may know of labels


def draws(step=0, device="cpu"):
    return Draws(3, "test", step, device)


def objectives(head, backbone=None):
    return {o.name: o for o in head.objectives({DEFAULT_DOMAIN: backbone})}


def a_batch(n=8, dim=6):
    x = [draws(i).normal(n, dim).double() for i in range(4)]
    return {"pairs": Pairs(x[0], x[1], EMPTY), "donors": Rows(x[2], EMPTY), "rows": Rows(x[3], EMPTY)}


def entropy(head, first, second, column):
    return F.cross_entropy(head.discriminator(first, second), torch.full((len(first),), column))


class TestMathieu:
    def test_autoencoder(self, make_head):
        head = make_head("mathieu", reconstruction=2.0, swap=3.0, kl=4.0)
        batch = a_batch()
        (x1, x2, _) = batch["pairs"]
        q, s1 = head.codes(x1)
        u = q.mean + (q.log_variance / 2).exp() * draws().normal(8, 2)
        expected = (
            2 * (head.decoder(u, s1) - x1).square().mean()
            + 3 * (head.decoder(u, head.codes(x2).specified) - x1).square().mean()
            + 4 * gaussian_kl(*q).sum() / (8 * 6)
        )
        torch.testing.assert_close(total(objectives(head)["autoencode"].loss(batch, draws())), expected)

    def test_generator(self, make_head):
        head = make_head("mathieu", adversarial=0.5, kl=4.0)
        generate, batch, stream = objectives(head)["generate"], a_batch(), draws()
        x1, x3 = batch["donors"].z, batch["rows"].z
        q, s3 = head.codes(x1).unspecified, head.codes(x3).specified
        u = q.mean + (q.log_variance / 2).exp() * stream.normal(8, 2)
        taken_in = [entropy(head, x3, head.decoder(v, s3), 1) for v in (u, stream.normal(8, 2).double())]
        expected = 0.5 * sum(taken_in) + 4 * gaussian_kl(*q).sum() / (8 * 6)
        torch.testing.assert_close(total(generate.loss(batch, draws())), expected)
        assert generate.repeat == 2

    def test_discriminator(self, make_head):
        head = make_head("mathieu")
        judge, batch = objectives(head)["judge"], a_batch()
        x3 = batch["rows"].z
        made_up = head.decoder(head.codes(batch["donors"].z).unspecified.mean, head.codes(x3).specified)
        expected = (entropy(head, *batch["pairs"][:2], 1) + entropy(head, x3, made_up, 0)) / 2
        torch.testing.assert_close(total(judge.loss(batch, draws())), expected)

    def test_order_of_the_published_code(self, make_head):
        assert list(objectives(make_head("mathieu"))) == ["autoencode", "generate", "judge"]


class TestSzabo:
    def test_autoencoder(self, make_head):
        head = make_head("szabo", reconstruction=2.0)
        batch = a_batch()
        x1, x2, _ = batch["pairs"]
        (v1, c1), (v2, c2) = head.codes(x1), head.codes(x2)
        expected = (head.decoder(v1.mean, c2) - x1).square().mean() + (head.decoder(v2.mean, c1) - x2).square().mean()
        torch.testing.assert_close(total(objectives(head)["autoencode"].loss(batch, draws())), 2 * expected)

    def test_generator_and_discriminator(self, make_head):
        head = make_head("szabo")
        found, batch = objectives(head), a_batch()
        x1, x3 = batch["rows"].z, batch["donors"].z
        made_up = head.decoder(head.codes(x3).unspecified.mean, head.codes(x1).specified)
        torch.testing.assert_close(total(found["generate"].loss(batch, draws())), entropy(head, x1, made_up, 1))
        expected = (entropy(head, *batch["pairs"][:2], 1) + entropy(head, x1, made_up, 0)) / 2
        torch.testing.assert_close(total(found["judge"].loss(batch, draws())), expected)
        assert found["generate"].repeat == 2

    def test_order_of_the_published_code(self, make_head):
        assert list(objectives(make_head("szabo"))) == ["autoencode", "judge", "generate"]

    def test_nothing_is_random(self, make_head):
        head = make_head("szabo")
        for objective in objectives(head).values():
            assert torch.equal(*(total(objective.loss(a_batch(), draws(step))) for step in (0, 1)))


@pytest.mark.parametrize("method", ["mathieu", "szabo"])
class TestBoth:
    @pytest.mark.parametrize(
        ("name", "moved"),
        [("autoencode", {"encoder", "decoder"}), ("generate", {"encoder", "decoder"}), ("judge", {"discriminator"})],
    )
    def test_each_objective_moves_its_part(self, make_head, training_latents, method, name, moved):
        head = make_head(method, accuracy_limit=1.0).float()
        runner = ObjectiveRunner(objectives(head)[name], {DEFAULT_DOMAIN: training_latents}, CPU)
        before = {n: p.clone() for n, p in head.named_parameters()}
        runner.run(0, 0, FiniteWatch(CPU))
        assert {n.split(".")[0] for n, p in head.named_parameters() if not torch.equal(before[n], p)} == moved

    def test_a_resting_discriminator_keeps_weights_and_momentum(self, make_head, training_latents, method):
        """It moves in exactly those steps in which the accuracy it finds is below the limit; both kinds come up."""
        head = make_head(method, accuracy_limit=0.8, pairs=32).float()  # stands still, so there is something to find
        runner = ObjectiveRunner(objectives(head)["judge"], {DEFAULT_DOMAIN: training_latents}, CPU)
        seen, watch = set(), FiniteWatch(CPU)
        for step in range(40):
            before = self.state(runner)
            runner.run(0, step, watch)
            rested = step > 0 and all(torch.equal(a, b) for a, b in zip(before, self.state(runner), strict=True))
            assert rested == bool(head.discriminator.accuracy >= 0.8)
            seen.add(rested)
        assert seen == {False, True}

    @staticmethod
    def state(runner):
        optimiser = runner.optimiser
        kept = [t.clone() for entry in optimiser.state.values() for t in entry.values()]
        return [p.detach().clone() for p in runner.parameters] + kept

    def test_a_step_never_waits_for_the_device(self, method):
        """The meta device holds no values: whatever asks for one raises."""
        kind, config = {"mathieu": (Mathieu, MathieuConfig), "szabo": (Szabo, SzaboConfig)}[method]
        with torch.device("meta"):
            head = kind(config(), LatentSpec((6,))).train()
            z = torch.empty(64, 6)
        batch = {"pairs": Pairs(z, z, EMPTY), "donors": Rows(z, EMPTY), "rows": Rows(z, EMPTY)}
        for objective in objectives(head).values():
            losses = objective.loss(batch, draws(device="meta"))
            torch.autograd.backward(total(losses), inputs=objective.parameters)
            assert objective.gate is None or objective.gate().is_meta

    def test_judging_pixels_decodes_both_sides(self, backbone, method):
        """Real pictures are decoded latents: next to data the discriminator would learn the decoder's blur."""
        model = unbraid.attach(method, backbone, discriminate="pixels", pairs=4)
        head, judge = model.head.train(), objectives(model.head, backbone)["judge"]
        x = [draws(i).normal(4, 32) for i in range(4)]
        batch = {"pairs": Pairs(x[0], x[1], EMPTY), "donors": Rows(x[2], EMPTY), "rows": Rows(x[3], EMPTY)}
        found = total(judge.loss(batch, draws()))
        with torch.no_grad():
            factors = {**head.disentangle(x[3]), "unspecified": head.disentangle(x[2])["unspecified"]}
            shown = [backbone.decode(z) for z in (x[0], x[1], x[3], head.entangle(factors))]
        expected = (entropy(head, *shown[:2], 1) + entropy(head, *shown[2:], 0)) / 2
        torch.testing.assert_close(found, expected)
        assert head.discriminator.is_map

    def test_pixels_need_a_backbone_with_gradients(self, backbone, method):
        closed = unbraid.freeze(backbone.encoder, backbone.decoder, input=(1, 28, 28), gradient=False)
        with pytest.raises(CapabilityError, match=f"{method} needs a backbone that can gradient"):
            unbraid.attach(method, closed, discriminate="pixels")

    def test_the_discriminator_is_another_for_another_seed(self, backbone, method):
        def first_weights(seed):
            head = unbraid.attach(method, backbone, seed=seed).head
            before = torch.random.get_rng_state()
            head.objectives({DEFAULT_DOMAIN: backbone})
            assert torch.equal(torch.random.get_rng_state(), before)
            return next(head.discriminator.parameters())

        assert torch.equal(first_weights(0), first_weights(0))
        assert not torch.equal(first_weights(0), first_weights(1))


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        (MathieuConfig, {"swap": -1.0}),
        (MathieuConfig, {"deceptions": 0}),
        (SzaboConfig, {"reconstruction": -1.0}),
        (SzaboConfig, {"accuracy_limit": 1.5}),
        (SzaboConfig, {"discriminate": "images"}),
    ],
)
def test_settings_out_of_range_are_refused(config, settings):
    with pytest.raises(ConfigError, match=f"{config.method}: {next(iter(settings))} is out of range"):
        config(**settings)
