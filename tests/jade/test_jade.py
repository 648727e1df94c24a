import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from unbraid.core.errors import CapabilityError, ConfigError, LabelError, UnknownNameError
from unbraid.core.interfaces import Draws, LabelSpec, LatentSpec, Rows, total
from unbraid.core.latents import Latents
from unbraid.core.training import FitSettings, train
from unbraid.plugins.jade.config import JADEConfig
from unbraid.plugins.jade.matching import matched_divergence
from unbraid.plugins.jade.model import JADE, LOG_VARIANCES

NARROW = {"content": 3, "style": 2, "encoder": (16,), "decoder": (16,), "classifier": (16,), "dropout": 0.0}
SPECS = {"a": LatentSpec((6,)), "b": LatentSpec((5,))}


def make(classes=4, specs=SPECS, **settings):
    torch.manual_seed(0)
    return JADE(JADEConfig(**{**NARROW, **settings}), specs, classes)


def batch(rows=12, classes=4):
    g = torch.Generator().manual_seed(1)
    return {
        name: Rows(
            torch.randn(rows, spec.width, generator=g), {"content": torch.randint(classes, (rows,), generator=g)}
        )
        for name, spec in SPECS.items()
    }


def loss_of(head, rows):
    (objective,) = head.objectives({})
    return objective.loss(rows, Draws(0, "t", 0))


def test_loss_is_the_joint_objective():
    head, rows = make(matching=0.5, variance=2.0), batch()
    draws, expected, contents = Draws(0, "t", 0), torch.zeros(()), []
    for name, dim in (("a", 6), ("b", 5)):
        part, x = head.domain(name), rows[name].z
        q = part.read(x)
        content, style = (q[f].sample(draws.normal(12, width)) for f, width in (("content", 3), ("style", 2)))
        made = part.decoder(torch.cat([content, style], 1))
        likelihood = Normal(made, math.sqrt(2.0)).log_prob(x).sum(1) + 0.5 * dim * math.log(2 * math.pi * 2.0)
        kl = sum(
            kl_divergence(Normal(p.mean, (0.5 * p.log_variance).exp()), Normal(0.0, 1.0)).sum(1) for p in q.values()
        )
        expected = expected + (kl - likelihood).mean() / dim
        expected = expected + F.cross_entropy(part.classifier(content), rows[name].labels["content"])
        contents += [q["content"], rows[name].labels["content"]]
    expected = expected + 0.5 * (1 / 6 + 1 / 5) / 2 * matched_divergence(*contents)
    torch.testing.assert_close(total(loss_of(head, rows)), expected)


def test_symmetric_divergence_is_the_mean_of_both_directions():
    values = {m: loss_of(make(match=m), batch())["matching"].value for m in ("kl", "symmetric_kl")}
    swapped = JADE(JADEConfig(**NARROW), dict(reversed(SPECS.items())), 4)
    swapped.load_state_dict(make().state_dict())
    back = loss_of(swapped, batch())["matching"].value  # starts in the other domain
    assert not torch.isclose(values["kl"], back)
    torch.testing.assert_close(values["symmetric_kl"], (values["kl"] + back) / 2)


def test_the_matching_is_weighed_as_the_bound_is():
    """Printed, it is one of its divergences: labels alone may count more than that."""
    terms = loss_of(make(bound=3.0), batch())
    assert terms["a_content_kl"].weight == 3 / 6 and terms["b_content_kl"].weight == 3 / 5
    assert terms["matching"].weight == pytest.approx((3 / 6 + 3 / 5) / 2)


def test_dropout_spares_the_content():
    """The paper has it after each hidden layer: of what comes in, nothing is dropped."""
    layers = [type(m).__name__ for m in make(classifier=(8, 8), dropout=0.5).domain("a").classifier.modules()]
    assert [n for n in layers if n in ("Linear", "Dropout")] == ["Linear", "Dropout", "Linear", "Dropout", "Linear"]


def moved(head, term):
    head.zero_grad()
    term.value.backward(retain_graph=True)
    names = [n for n, p in head.named_parameters(remove_duplicate=False) if p.grad is not None and p.grad.any()]
    return {".".join(n.split(".")[1:3]) for n in names}


@pytest.mark.parametrize("match", ["kl", "symmetric_kl", "class_moment"])
def test_who_hears_which_term(match):
    head = make(match=match)
    terms = loss_of(head, batch())
    assert moved(head, terms["matching"]) == {"a.encoder", "b.encoder"}
    assert moved(head, terms["a_label"]) == {"a.encoder", "a.classifier", "b.classifier"}
    assert moved(head, terms["a_reconstruction"]) == {"a.encoder", "a.decoder"}
    assert moved(head, terms["b_style_kl"]) == {"b.encoder"}


def test_baselines_are_classifiers_of_their_own_or_one():
    paired, single = (make(autoencode=False, match="off", shared=shared) for shared in (True, False))
    assert set(loss_of(paired, batch())) == {"a_label", "b_label"}
    assert moved(paired, loss_of(paired, batch())["a_label"]) == {"a.encoder", "a.classifier", "b.classifier"}
    assert moved(single, loss_of(single, batch())["a_label"]) == {"a.encoder", "a.classifier"}
    view = paired.domain("a")
    assert [f.name for f in view.factors] == ["content"] and view.capabilities == {"classify"}
    with pytest.raises(CapabilityError, match="cannot entangle"):
        view.entangle({})


def test_the_classifier_is_one_and_only_one():
    head = make()
    assert head.domain("a").classifier is head.domain("b").classifier
    (objective,) = head.objectives({})
    assert len(objective.parameters) == len({id(p) for p in head.parameters()})
    z = torch.randn(3, 6)
    content = head.domain("a").disentangle(z)["content"]
    torch.testing.assert_close(head.domain("a").classify(z), head.domain("b").classifier(content))


def test_log_variances_are_kept_in_range():
    view = make().domain("a")
    spread = torch.cat([p.log_variance.flatten() for p in view.posterior(1000 * torch.randn(50, 6)).values()])
    assert spread.min() == LOG_VARIANCES[0] and spread.max() == LOG_VARIANCES[1]


def two_views(n, seed):
    """The same two-dimensional clusters seen through two different linear maps, with a style of each domain."""
    g = torch.Generator().manual_seed(seed)
    maps = torch.Generator().manual_seed(99)
    found = {}
    for name, spec in SPECS.items():
        label = torch.randint(4, (n,), generator=g)
        corner = 2 * torch.stack([label % 2, label // 2], 1).float() - 1
        hidden = torch.cat([corner + 0.2 * torch.randn(n, 2, generator=g), torch.randn(n, 1, generator=g)], 1)
        z = hidden @ torch.randn(3, spec.width, generator=maps)
        found[name] = Latents(mean=z, log_variance=None, labels={"content": label}, spec=spec, classes={"content": 4})
    return found


def fitted(**settings):
    head, data = make(variance=0.1, lr=5e-3, **settings), two_views(400, 0)
    head.prepare(data)
    train(head, head.objectives({}), data, FitSettings(steps=300, quiet=True))
    return head.eval()


@pytest.fixture(scope="module")
def trained():
    return fitted()


def test_training_learns_classes(trained):
    data = two_views(400, 1)
    for name in SPECS:
        right = trained.domain(name).classify(data[name].z).argmax(1) == data[name].label("content")
        assert right.float().mean() > 0.95


def test_matching_brings_contents_of_a_class_together(trained):
    data, apart = two_views(400, 1), []
    for head in (trained, fitted(match="off")):
        q = [(head.domain(n).posterior(data[n].z)["content"], data[n].label("content")) for n in SPECS]
        apart.append(matched_divergence(*q[0], *q[1]))
    assert apart[0] < 0.5 * apart[1]


def test_content_of_the_other_domain_decides_the_class(trained):
    data = two_views(400, 2)
    style = trained.domain("a").disentangle(data["a"].z)["style"]
    content = trained.domain("b").disentangle(data["b"].z)["content"]
    made = trained.domain("a").entangle({"content": content, "style": style})
    assert made.shape == (400, 6)
    assert (trained.domain("a").classify(made).argmax(1) == data["b"].label("content")).float().mean() > 0.95


def test_domains_must_have_the_same_classes():
    data = two_views(20, 0)
    head = make(classes=5)
    with pytest.raises(LabelError, match="same classes"):
        head.prepare(data)


def test_what_it_cannot_be_built_for():
    with pytest.raises(LabelError, match="needs classes"):
        JADE.build(JADEConfig(), SPECS, {})
    with pytest.raises(CapabilityError, match="too wide"):
        JADE.build(JADEConfig(), {"a": LatentSpec((3, 64, 64))}, {"content": LabelSpec("digit", ("0", "1"))})
    with pytest.raises(UnknownNameError, match="domain"):
        make().domain("c")


@pytest.mark.parametrize(
    "wrong",
    [{"content": 0}, {"variance": 0.0}, {"match": "mmd"}, {"dropout": 1.0}, {"matching": -1.0}, {"autoencode": False}],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="match" if "autoencode" in wrong else next(iter(wrong))):
        JADEConfig(**wrong)
