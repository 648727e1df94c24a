import math

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from unbraid.core.errors import CapabilityError, ConfigError, LabelError
from unbraid.core.interfaces import DEFAULT_DOMAIN, Draws, LabelSpec, LatentSpec, Rows, total
from unbraid.core.latents import Latents
from unbraid.core.training import FitSettings, train
from unbraid.plugins.m2.config import M2Config
from unbraid.plugins.m2.model import M2

NARROW = {"encoder": (16,), "decoder": (16,), "classifier": (16,), "style": 2}
VARIANCE = 0.3


def make(width=3, classes=4, **settings):
    torch.manual_seed(0)
    return M2(M2Config(**{**NARROW, "variance": VARIANCE, **settings}), LatentSpec((width,)), classes)


def latents_of(z, labels, classes):
    label = {"content": torch.as_tensor(labels)}
    spec = LatentSpec(tuple(z.shape[1:]))
    return {DEFAULT_DOMAIN: Latents(mean=z, log_variance=None, labels=label, spec=spec, classes={"content": classes})}


def prepared(labels, classes=4, **settings):
    """A head, rows with these labels, and its objective."""
    head = make(classes=classes, **settings)
    z = torch.randn(len(labels), 3, generator=torch.Generator().manual_seed(1))
    source = latents_of(z, labels, classes)
    head.prepare(source)
    (objective,) = head.objectives({})
    return head, Rows(z, {"content": torch.as_tensor(labels)}), objective


def labelled(rows):
    """The rows that have a label, for which the sampler of the objective draws some."""
    known = rows.labels["content"] >= 0
    return Rows(rows.z[known], {"content": rows.labels["content"][known]})


def terms_of(objective, rows):
    return objective.loss({"rows": rows, "labelled": labelled(rows)}, Draws(0, "t", 0))


class Reference:
    """Equations (6) to (9) row by row and class by class in double precision, with distributions of torch."""

    def __init__(self, head, rows):
        self.noise = Draws(0, "t", 0).normal(len(rows.z), head.config.style).double()
        self.head = head.double()
        self.x = (rows.z.double() - head.standardise.mean) / head.standardise.std
        self.label = rows.labels["content"].tolist()
        self.classes = len(head.seen)
        self.log_q = head.classifier(self.x).masked_fill(~head.seen, -1e9).log_softmax(1)

    def log_joint(self, i, y):
        """L(x, y) of one row: a draw of log p(x|y, z) + log p(y) - KL(q(z|x, y) || p(z))."""
        one_hot = torch.eye(self.classes, dtype=torch.float64)[y]
        mean, log_variance = self.head.encoder(torch.cat([self.x[i], one_hot])).chunk(2)
        posterior = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
        z = mean + (0.5 * log_variance).exp() * self.noise[i]
        made = self.head.decoder(torch.cat([one_hot, z]))
        likelihood = Normal(made, math.sqrt(self.head.config.variance)).log_prob(self.x[i]).sum()
        prior = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
        return likelihood - math.log(int(self.head.seen.sum())) - kl_divergence(posterior, prior)

    def loss(self):
        """J of equation (9) over the number of rows, without what the loss leaves out."""
        rows, seen = len(self.x), self.head.seen.nonzero().flatten().tolist()
        known = [i for i in range(rows) if self.label[i] >= 0]
        bound = self.x.new_zeros(())
        for i in range(rows):
            if i in known:
                bound = bound + self.log_joint(i, self.label[i]) + math.log(len(seen))
            else:
                q = self.log_q[i, seen].exp()
                each = torch.stack([self.log_joint(i, y) for y in seen])
                bound = bound + (q * each).sum() - (q * q.log()).sum()
        weight = self.head.config.alpha * rows / len(known)  # of each row of N_l, for the sum over N
        labelled = -weight * torch.stack([self.log_q[i, self.label[i]] for i in known]).sum()
        constant = rows * 0.5 * self.x.shape[1] * math.log(2 * math.pi * self.head.config.variance)
        return (labelled - bound - constant) / rows


@pytest.mark.parametrize(
    "labels", [[0, 1, 2, 3, 1], [0, 1, 2, 3, -1, -1, -1], [0, 2, 2, -1]], ids=["all", "partial", "absent-class"]
)
def test_loss_is_equation_9(labels):
    head, rows, objective = prepared(labels, alpha=0.7)
    found = total(terms_of(objective, rows)).detach()
    expected = Reference(head, rows).loss().detach()
    assert found.double().item() == pytest.approx(expected.item(), rel=1e-5)


def test_gradient_is_that_of_equation_9():
    head, rows, objective = prepared([0, 1, 2, 3, -1, -1], alpha=0.7)
    total(terms_of(objective, rows)).backward()
    found = {name: p.grad.double() for name, p in head.named_parameters()}
    head.zero_grad(set_to_none=True)
    Reference(head, rows).loss().backward()
    for name, parameter in head.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, rtol=1e-4, atol=1e-5)


def gradients(head, term):
    head.zero_grad()
    term.value.backward(retain_graph=True)
    return {name.split(".")[0] for name, p in head.named_parameters() if p.grad is not None and p.grad.any()}


def test_who_hears_which_term():
    head, rows, objective = prepared([0, 1, 2, 3])
    terms = terms_of(objective, rows)
    assert set(terms) == {"reconstruction", "style_kl", "class"}
    assert gradients(head, terms["reconstruction"]) == {"encoder", "decoder"}
    assert gradients(head, terms["style_kl"]) == {"encoder"}
    assert gradients(head, terms["class"]) == {"classifier"}
    head, rows, objective = prepared([0, 1, 2, 3, -1])
    terms = terms_of(objective, rows)
    assert gradients(head, terms["reconstruction"]) == {"encoder", "decoder", "classifier"}
    assert gradients(head, terms["style_kl"]) == {"encoder", "classifier"}
    assert gradients(head, terms["class_kl"]) == {"classifier"}


def test_unlabelled_rows_bound_the_evidence():
    """log p(x) by quadrature over the style and the sum over classes: -U stays below, in expectation."""
    head, rows, objective = prepared([0, 1, 2, -1], classes=3, style=1, variance=1.0)
    head, x = head.double(), head.standardised(rows.z)[3:].double()
    line = torch.linspace(-8, 8, 2001, dtype=torch.float64).unsqueeze(1)
    prior = Normal(0.0, 1.0).log_prob(line)[:, 0]
    eye = torch.eye(3, dtype=torch.float64)
    each = torch.stack(
        [Normal(head.join(eye[[y]].expand(len(line), -1), line), 1.0).log_prob(x).sum(1) + prior for y in range(3)], 1
    )
    evidence = (each - math.log(3)).flatten().logsumexp(0) + (line[1] - line[0]).log()
    many = 50_000
    same = Rows(rows.z[3:].expand(many, -1), {"content": torch.full((many,), -1)})
    head.float()

    def bound():
        terms = objective.loss({"rows": same, "labelled": labelled(rows)}, Draws(0, "t", 0))
        return sum(term.value for name, term in terms.items() if name != "class")

    found = bound()
    assert -found.item() - 0.5 * 3 * math.log(2 * math.pi) < evidence.item()
    with torch.no_grad():  # a perfect posterior would close the gap: an encoder that says less must widen it
        head.encoder.linear2.bias[0] += 3.0
    assert bound() > found


def test_classes_without_a_labelled_row_are_never_chosen():
    head, rows, _ = prepared([0, 2, 2, -1])
    q = head.disentangle(rows.z)["class"]
    assert q[:, [1, 3]].max() < 1e-12
    drawn = head.sample(torch.randn(500, 4 + 2))
    assert drawn["class"].sum(0)[[1, 3]].tolist() == [0, 0] and drawn["style"].shape == (500, 2)


def test_style_is_read_beside_the_likeliest_class():
    head, rows, _ = prepared([0, 1, 2, 3])
    chosen = torch.eye(4)[head.classify(rows.z).argmax(1)]
    expected = head.read(head.standardised(rows.z), chosen).mean
    torch.testing.assert_close(head.disentangle(rows.z)["style"], expected)
    other = head.read(head.standardised(rows.z), chosen.roll(1, 1)).mean
    assert (other - expected).abs().max() > 0.01


def corners(n, seed):
    """Four clusters, one a class, in the corners of a square, mixed with two directions that all classes share."""
    g = torch.Generator().manual_seed(seed)
    label = torch.randint(4, (n,), generator=g)
    corner = 2 * torch.stack([label % 2, label // 2], 1).float() - 1
    hidden = torch.cat([corner + 0.25 * torch.randn(n, 2, generator=g), torch.randn(n, 2, generator=g)], 1)
    mixing = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(9))).Q
    return hidden @ mixing, label


def accuracy_after(steps, z, labels):
    head = make(width=4, lr=5e-3, variance=0.1, alpha=3.0, standardise="none")
    source = latents_of(z, labels, 4)
    head.prepare(source)
    train(head, head.objectives({}), source, FitSettings(steps=steps, quiet=True))
    test, truth = corners(1000, 1)
    return (head.eval().classify(test).argmax(1) == truth).float().mean().item()


def test_rows_without_a_label_help():
    """Eight labels in 2,000: the clusters are there to see, and what is learnt from the eight alone is worse."""
    z, label = corners(2000, 0)
    first = torch.cat([(label == c).nonzero()[:2, 0] for c in range(4)])
    known = torch.full_like(label, -1)
    known[first] = label[first]
    assert accuracy_after(800, z, known) > 0.97
    assert accuracy_after(100, z[first], label[first]) < 0.93


@pytest.mark.parametrize("wrong", [{"style": 0}, {"alpha": -1.0}, {"variance": 0.0}, {"encoder": ()}, {"lr": 0.0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        M2Config(**wrong)


def test_what_it_cannot_be_built_for():
    with pytest.raises(CapabilityError, match="too wide"):
        M2(M2Config(), LatentSpec((3, 64, 64)), 2)
    with pytest.raises(LabelError, match="m2 needs classes"):
        M2.build(M2Config(), {DEFAULT_DOMAIN: LatentSpec((4,))}, {})
    built = M2.build(M2Config(), {DEFAULT_DOMAIN: LatentSpec((2, 2, 2))}, {"content": LabelSpec("digit", ("0", "1"))})
    assert built.entangle(built.disentangle(torch.zeros(3, 2, 2, 2))).shape == (3, 2, 2, 2)
    with pytest.raises(LabelError, match="m2 needs some labels"):
        prepared([-1, -1])
