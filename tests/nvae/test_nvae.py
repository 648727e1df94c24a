import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from unbraid.core.errors import CapabilityError, ConfigError, LabelError
from unbraid.core.interfaces import DEFAULT_DOMAIN, Draws, LabelSpec, LatentSpec, Rows, total
from unbraid.core.latents import Latents
from unbraid.core.nn.labelled import labelled_cross_entropy
from unbraid.core.training import FitSettings, train
from unbraid.plugins.nvae.analysis import ACTIVE, kl_of_factors
from unbraid.plugins.nvae.config import NVAEConfig
from unbraid.plugins.nvae.gate import ClassGate
from unbraid.plugins.nvae.model import NVAE

NARROW = {"trunk": (16,), "decoder": (16,), "classifier": (16,)}


def make(width=3, classes=4, seed=0, **settings):
    torch.manual_seed(seed)
    return NVAE(NVAEConfig(**{**NARROW, "shared": 2, "class_dependent": 2, **settings}), LatentSpec((width,)), classes)


def latents_of(z, labels, classes):
    return Latents(
        mean=z,
        log_variance=None,
        labels={"content": labels},
        spec=LatentSpec(z.shape[1:]),
        classes={"content": classes},
    )


def prepared(labels, classes=4, **settings):
    """A head, latents with these labels, and its objective."""
    head = make(classes=classes, **settings)
    labels = torch.as_tensor(labels)
    z = torch.randn(len(labels), 3, generator=torch.Generator().manual_seed(1))
    head.prepare({DEFAULT_DOMAIN: latents_of(z, labels, classes)})
    (objective,) = head.objectives({})
    return head, Rows(z, {"content": labels}), objective


def terms_of(objective, rows):
    return objective.loss({"rows": rows}, Draws(0, "t", 0))


def sampled(head, rows):
    """What the loss draws, drawn again."""
    draws = Draws(0, "t", 0)
    return tuple(p.sample(draws.normal(*p.mean.shape)) for p in head.read(head.standardised(rows.z)))


def log_likelihood(head, rows, y, shared, dependent):
    """log p(x|y, z) of every row as class y."""
    one_hot = torch.eye(len(head.seen))[torch.as_tensor(y).expand(len(rows.z))]
    made = head.join(one_hot, shared, dependent)
    return Normal(made, math.sqrt(head.config.variance)).log_prob(head.standardised(rows.z)).sum(1)


def constant(head, width=3):
    """What the loss leaves out of -log p(x|y, z)."""
    return 0.5 * width * math.log(2 * math.pi * head.config.variance)


def test_gate_is_the_vectorised_product():
    gate = ClassGate(3, 2)
    with torch.no_grad():
        gate.gain.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    dependent = torch.tensor([0.5, -2.0])
    c_y = torch.stack([gate.bias[1], gate.gain[1]], 1)  # L x 2
    product = c_y * torch.stack([torch.ones(2), dependent], 1)
    found = gate(torch.tensor([[0.0, 1.0, 0.0]]), dependent[None])[0]
    torch.testing.assert_close(found, product.T.flatten())  # vec puts columns below each other
    assert found[2:].tolist() == [1.5, -8.0]


def test_gate_between_two_classes_is_the_mean_of_their_gates():
    gate = ClassGate(2, 3)
    dependent = torch.randn(1, 3)
    one, other, between = gate(torch.tensor([[1.0, 0], [0, 1], [0.5, 0.5]]), dependent.expand(3, -1))
    torch.testing.assert_close(between, (one + other) / 2)


def test_tied_gate_has_one_number_for_bias_and_gain():
    gate = ClassGate(2, 2, tied=True)
    bias, gained = gate(torch.eye(2), torch.tensor([[2.0, 3.0]]).expand(2, -1)).chunk(2, 1)
    torch.testing.assert_close(gained, bias * torch.tensor([2.0, 3.0]))
    assert [name for name, _ in gate.named_parameters()] == ["bias"]


def test_labelled_loss_is_equation_7():
    labels = [0, 1, 2, 3, 1]
    head, rows, objective = prepared(labels, beta_c=4.0, class_weight=1.0)
    shared, dependent = sampled(head, rows)
    likelihood = [log_likelihood(head, rows, y, shared, dependent)[i] for i, y in enumerate(labels)]
    prior = Normal(0.0, 1.0)
    kl_s, kl_c = (
        kl_divergence(Normal(p.mean, (0.5 * p.log_variance).exp()), prior).sum(1).mean()
        for p in head.read(head.standardised(rows.z))
    )
    log_q = head.classify(rows.z).log_softmax(1)[torch.arange(5), labels].mean()
    bound = torch.stack(likelihood).mean() - kl_s - 4.0 * kl_c + log_q
    torch.testing.assert_close(total(terms_of(objective, rows)), -bound - constant(head))


def test_unlabelled_loss_is_the_sum_over_classes():
    head, rows, objective = prepared([0, 1, 2, 3, -1, -1, -1], beta_c=1.0)
    shared, dependent = sampled(head, rows)
    q = head.classify(rows.z).softmax(1)
    each = torch.stack([log_likelihood(head, rows, y, shared, dependent) for y in range(4)], 1)
    unlabelled = (q * (each + math.log(1 / 4) - q.log())).sum(1)[4:]  # without the divergence of z
    labelled = each[torch.arange(4), torch.arange(4)]
    terms = terms_of(objective, rows)
    found = terms["reconstruction"].value + terms["class_kl"].value
    torch.testing.assert_close(found, -torch.cat([labelled, unlabelled]).mean() - constant(head))


def test_unlabelled_loss_bounds_the_evidence():
    """log p(x) by quadrature over both latents and the sum over classes: the bound stays below, in expectation."""
    head, rows, objective = prepared([0, 1, 2, -1], classes=3, shared=1, class_dependent=1, beta_c=1.0, variance=1.0)
    line = torch.linspace(-7, 7, 281)
    s, c = (g.flatten().unsqueeze(1) for g in torch.meshgrid(line, line, indexing="ij"))
    cell = (line[1] - line[0]).square().log()
    prior = Normal(0.0, 1.0).log_prob(torch.cat([s, c], 1)).sum(1)
    x = head.standardised(rows.z)[3:]
    each = torch.stack(
        [Normal(head.join(torch.eye(3)[[y]].expand(len(s), -1), s, c), 1.0).log_prob(x).sum(1) for y in range(3)], 1
    )
    evidence = (each + math.log(1 / 3) + prior.unsqueeze(1)).flatten().logsumexp(0) + cell
    # the expectation of the bound under q(z|x) q(y|x), by the same quadrature
    posteriors = head.read(x)
    q_z = sum(
        Normal(p.mean, (0.5 * p.log_variance).exp()).log_prob(v)[:, 0] for p, v in zip(posteriors, (s, c), strict=True)
    )
    q_y = head.logits(x).softmax(1)
    inner = (q_y * (each + math.log(1 / 3) - q_y.log())).sum(1) + prior - q_z
    expected = ((q_z + cell).exp() * inner).sum()
    many = 20_000
    same = Rows(rows.z[3:].expand(many, -1), {"content": torch.full((many,), -1)})
    terms = terms_of(objective, same)
    found = -(total(terms) - terms["class"].value) - constant(head)
    assert found.item() == pytest.approx(expected.item(), abs=0.05)
    assert expected < evidence


def gradients(head, term):
    head.zero_grad()
    term.value.backward(retain_graph=True)
    return {name.split(".")[0] for name, p in head.named_parameters() if p.grad is not None and p.grad.any()}


def test_who_hears_which_term():
    everything_else = {"encoder", "decoder", "gate"}
    head, rows, objective = prepared([0, 1, 2, 3])
    terms = terms_of(objective, rows)
    assert gradients(head, terms["class"]) == {"classifier"}
    assert gradients(head, terms["reconstruction"]) == everything_else
    assert gradients(head, terms["shared_kl"]) == gradients(head, terms["class_dependent_kl"]) == {"encoder"}
    head, rows, objective = prepared([0, 1, 2, 3, -1])
    terms = terms_of(objective, rows)
    assert gradients(head, terms["class"]) == {"classifier"}
    assert gradients(head, terms["reconstruction"]) == {"classifier", *everything_else}


def test_a_batch_without_any_label_has_a_loss():
    logits = torch.randn(3, 4, requires_grad=True)
    loss = labelled_cross_entropy(logits, torch.tensor([-1, -1, -1]))
    loss.backward()
    assert loss.item() == 0 and not logits.grad.any()


def test_the_class_is_read_alone():
    """Neither q(z|x) nor the decoder sees the class but through the gate: equal gates make equal latents."""
    head = make()
    with torch.no_grad():
        head.gate.bias[1] = head.gate.bias[0]
        head.gate.gain[1] = head.gate.gain[0]
    factors = {"class": torch.eye(4)[:3], "shared": torch.ones(3, 2), "class_dependent": torch.ones(3, 2)}
    made = head.entangle(factors)
    torch.testing.assert_close(made[0], made[1])
    assert (made[0] - made[2]).abs().max() > 0.01


def test_classes_without_training_rows_are_never_chosen():
    head, rows, _ = prepared([0, 2, 2, -1])
    q = head.disentangle(rows.z)["class"]
    assert q[:, [1, 3]].max() < 1e-12
    torch.testing.assert_close(q[:, [0, 2]], head.classifier(head.standardised(rows.z))[:, [0, 2]].softmax(1))
    noise = torch.randn(500, 4 + 2 + 2)
    drawn = head.sample(noise)
    assert drawn["class"].sum(0)[[1, 3]].tolist() == [0, 0]


def test_samples_of_the_prior():
    head = make()
    noise = torch.randn(4000, 8, generator=torch.Generator().manual_seed(0))
    drawn, wide = head.sample(noise), head.sample(1.4 * noise)
    counts = drawn["class"].sum(0).numpy()
    assert counts.sum() == 4000
    assert np.square(counts - 1000).sum() / 1000 < 16.3  # chi-squared, 3 degrees of freedom, p = 0.001
    assert torch.equal(drawn["class"], wide["class"])
    for name, width in (("shared", 2), ("class_dependent", 2)):
        assert drawn[name].shape == (4000, width)
        torch.testing.assert_close(wide[name], 1.4 * drawn[name])
    assert torch.equal(torch.cat([drawn["shared"], drawn["class_dependent"]], 1), noise[:, 4:])
    assert head.entangle(drawn).shape == (4000, 3)


#: Standard deviation of what one class alone has, and the variance of the likelihood.
OWN, VARIANCE = 0.8, 0.05


def natural_clusters(n, seed):
    """Three classes that share one direction of variance 1, and a second one that class 0 alone varies along."""
    g = torch.Generator().manual_seed(seed)
    label = torch.randint(3, (n,), generator=g)
    shared, own, noise = torch.randn(3, n, generator=g)
    centre = torch.tensor([[2.0, 0, 0, 0], [0, 2.0, 0, 0], [-2.0, -2.0, 0, 0]])[label]
    return centre + torch.stack([0.1 * noise, 0.1 * noise, shared, OWN * own * (label == 0)], 1), label


def fitted(labels_of, steps):
    z, label = natural_clusters(2000, 0)
    settings = {"trunk": (32,), "decoder": (32,), "variance": VARIANCE, "standardise": "none", "lr": 3e-3}
    head = make(width=4, classes=3, shared=1, class_dependent=3, beta_c=4.0, **settings)
    source = {DEFAULT_DOMAIN: latents_of(z, labels_of(label), 3)}
    head.prepare(source)
    train(head, head.objectives({}), source, FitSettings(steps=steps, quiet=True))
    return head.eval()


@pytest.fixture(scope="module")
def trained():
    return fitted(lambda label: label, 1000)


def test_divergence_is_what_rate_and_distortion_say(trained):
    """A Gaussian direction of variance s costs log(s / (beta variance)) / 2 nats at the optimum, and 0 where it is none."""
    z, label = natural_clusters(3000, 2)
    dependent = kl_of_factors(trained, z, label).sum(1)
    shared = kl_of_factors(trained, z, label, "shared")[:, 0]
    own = 0.5 * math.log(OWN**2 / (4.0 * VARIANCE))  # 0.58
    assert dependent[0].item() == pytest.approx(own, abs=0.15)
    assert dependent[1:].max() < ACTIVE
    assert shared.tolist() == pytest.approx([0.5 * math.log(1 / VARIANCE)] * 3, abs=0.15)  # 1.50


def test_swapping_the_class_keeps_what_classes_share(trained):
    z, label = natural_clusters(1000, 3)
    with torch.no_grad():
        factors = trained.disentangle(z)
        swapped = trained.entangle({**factors, "class": torch.eye(3)[[1]].expand(1000, -1)})
    assert ((swapped[:, :2] - torch.tensor([0.0, 2.0])).abs().mean(0) < 0.4).all()
    for c in range(3):  # up to a sign: nothing asks classes for the same one
        both = torch.stack([swapped[label == c, 2], z[label == c, 2]])
        assert torch.corrcoef(both)[0, 1].abs() > 0.75


def test_rows_without_a_label_do_not_spoil_the_classifier():
    head = fitted(lambda label: torch.where(torch.arange(len(label)) % 50 > 0, -1, label), 150)
    z, label = natural_clusters(1000, 1)
    assert head.partial and (head.classify(z).argmax(1) == label).float().mean() > 0.98


@pytest.mark.parametrize(
    "wrong", [{"shared": 0}, {"class_dependent": 0}, {"beta_c": -1.0}, {"variance": 0.0}, {"trunk": ()}, {"lr": 0.0}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        NVAEConfig(**wrong)


def test_what_it_cannot_be_built_for():
    with pytest.raises(CapabilityError, match="too wide"):
        NVAE(NVAEConfig(), LatentSpec((3, 64, 64)), 2)
    with pytest.raises(LabelError, match="needs classes"):
        NVAE.build(NVAEConfig(), {DEFAULT_DOMAIN: LatentSpec((4,))}, {})
    assert NVAE.build(
        NVAEConfig(), {DEFAULT_DOMAIN: LatentSpec((4,))}, {"content": LabelSpec("digit", ("0", "1"))}
    ).factors[0].shape == (2,)
    with pytest.raises(LabelError, match="needs some labels"):
        prepared([-1, -1])
