"""What the head says of itself."""

import dataclasses

import numpy as np
import torch
from torch import nn

from unbraid.core.interfaces import Dataset, Disentangler, Factor
from unbraid.registry.conformance.check import Failure, Skip, check, require
from unbraid.registry.conformance.method_case import MethodCase
from unbraid.registry.conformance.methods.poor import without

CAPABILITIES = ("entangle", "sample", "classify", "score")
ROLES = ("content", "style", "rest")
DISTRIBUTIONS = ("point", "gaussian", "categorical")
MONITORS = ("loss", "few_shot", "reconstruction", "none")
NEEDS = ("decode", "gradient")


@check("contract", "method")
def attaches(case: MethodCase) -> None:
    """The method attaches to a backbone, or refuses it with a `CapabilityError` and accepts another.

    Breaks: nothing at all works.

    Mend: see the error; `build` gets the config, the shapes of the latents and the labels, and nothing else.
    """
    head = case.head_of()
    require(isinstance(head, nn.Module), "attach made no module", expected="a Disentangler", found=type(head))


@check("contract", "method")
def factors(case: MethodCase) -> None:
    """Factors have different names, known roles and distributions, and labels the data set has.

    Breaks: verbs, probes, reports and bundles go by role, label and name; what is misspelt is measured as something else.

    Mend: set `self.factors` in the constructor; roles are `content`, `style` and `rest`.
    """
    head = _view(case)
    names = [factor.name for factor in head.factors]
    require(len(set(names)) == len(names) > 0, "factors share a name", expected="different ones", found=names)
    for factor in head.factors:
        _check_factor(case, factor)


@check("contract", "method")
def latent(case: MethodCase) -> None:
    """The head remembers the shape of the latents it was built for.

    Breaks: export and the verbs read `head.latent`; without it both fail long after training.

    Mend: `self.latent = latent` in the constructor.
    """
    head, backbone = _view(case), next(iter(case.attached.backbones.values()))
    found = getattr(head, "latent", None)
    require(
        found is not None and found.shape == backbone.info.latent.shape,
        "the head was built for other latents",
        expected=backbone.info.latent.shape,
        found=getattr(found, "shape", None),
    )


@check("contract", "method")
def capabilities(case: MethodCase) -> None:
    """The head claims what it can do, all of it and nothing else.

    Breaks: an ability that is not claimed is never measured, exported or served; one that is not there fails in users'
    hands.

    Mend: `capabilities` names exactly the methods of `entangle`, `sample`, `classify`, `score` that the class overrides.
    """
    head = _view(case)
    unknown = sorted(head.capabilities - set(CAPABILITIES))
    require(not unknown, "unknown capabilities", expected=", ".join(CAPABILITIES), found=", ".join(unknown))
    can = {name for name in CAPABILITIES if getattr(type(head), name) is not getattr(Disentangler, name)}
    idle = sorted(head.capabilities - can)
    require(not idle, "claims what it does not implement", expected=f"def {', '.join(idle)}", found="the base class's")


@check("contract", "method")
def train_only(case: MethodCase) -> None:
    """Everything in `train_only` exists.

    Breaks: a misspelt name leaves the critic in every saved head and every export.

    Mend: name sub-modules and buffers as `state_dict` does.
    """
    head = case.fitted.network
    assert head is not None
    keys = tuple(f"{key}." for key in head.state_dict())
    there = {name for name in head.train_only if any(key.startswith(f"{name}.") for key in keys)}
    # some settings do without a part; its place is there, and empty
    missing = [name for name in head.train_only if name not in there and not hasattr(head, name)]
    require(not missing, "train_only names what is not there", expected="names in state_dict", found=", ".join(missing))


@check("contract", "method")
def monitor(case: MethodCase) -> None:
    """`monitor` is one that there is, and `steps` a number of steps.

    Breaks: fit refuses to start, or keeps the last weights instead of the best.

    Mend: `loss`, `few_shot`, `reconstruction` or `none`; `steps` counts from 0.
    """
    head = _view(case)
    require(head.monitor in MONITORS, "unknown monitor", expected=", ".join(MONITORS), found=head.monitor)
    require(isinstance(head.steps, int) and head.steps >= 0, "steps is no count", expected=">= 0", found=head.steps)


@check("contract", "method", once=True)
def needs(case: MethodCase) -> None:
    """The method gets by with the capabilities it declares in `needs`.

    Breaks: it attaches to an encoder without decoder, or to an ONNX file without gradients, trains for an hour and fails.

    Mend: add `decode` or `gradient` to `needs` of the spec, or to the property `needs` of a config that asks for more.
    """
    _ = case.fitted
    unknown = sorted(case.spec.needs - set(NEEDS))
    require(not unknown, "unknown needs", expected=", ".join(NEEDS), found=", ".join(unknown))
    declared = case.spec.needs | getattr(case.method().config, "needs", frozenset())
    for lacking in NEEDS:
        if lacking not in declared:
            _fits_without(case, lacking)


@check("contract", "method")
def fits(case: MethodCase) -> None:
    """The method trains for a few steps.

    Breaks: nothing works after `attach`.

    Mend: see the error; `objectives` gives the losses, and each finds its batch under the name it asked for.
    """
    _ = case.fitted


@check("contract", "method")
def supervision(case: MethodCase) -> None:
    """Labels matter to training exactly where `supervision` says so.

    Breaks: people without labels are offered a method that needs them; or think that labels helped where nobody read
    them.

    Mend: declare what the batches use: `none`, `pairs` that share a class, `labels`, or `partial` ones.
    """
    network, again = case.fitted.network, case.attach()
    assert network is not None
    if not network.objectives(case.fitted.backbones):
        raise Skip("has no objectives: nothing is trained")
    case.fit(again, data=_relabelled(case))
    assert again.network is not None
    expected, found = network.state_dict(), again.network.state_dict()
    same = all(torch.equal(tensor, found[name]) for name, tensor in expected.items())
    without = case.spec.supervision == "none"
    require(
        same == without,
        f"declares supervision {case.spec.supervision!r}, and labels {'do not matter' if same else 'matter'}",
        expected="the same weights for other labels" if without else "other weights for other labels",
        found="the same" if same else "others",
    )


def _relabelled(case: MethodCase) -> Dataset:
    """Give the data set with the content labels of its training rows dealt anew among them."""
    data = case.dataset
    rows = data.training_rows()
    labels = data.labels["content"].copy()
    labels[rows] = np.random.default_rng(0).permutation(labels[rows])
    return dataclasses.replace(data, labels={**data.labels, "content": labels})


def _view(case: MethodCase) -> Disentangler:
    head = case.head_of()
    return head if case.spec.domains == 1 else head.domain(case.domains[0])


def _check_factor(case: MethodCase, factor: Factor) -> None:
    what = f"factor {factor.name!r}"
    require(factor.role in ROLES, f"{what} has an unknown role", expected=", ".join(ROLES), found=factor.role)
    known = ", ".join(DISTRIBUTIONS)
    require(
        factor.distribution in DISTRIBUTIONS,
        f"{what} has an unknown distribution",
        expected=known,
        found=factor.distribution,
    )
    labels = case.dataset.label_specs
    require(
        factor.label is None or factor.label in labels,
        f"{what} names a label the data have not",
        expected=f"None, or one of {', '.join(labels)}",
        found=factor.label,
    )


def _fits_without(case: MethodCase, lacking: str) -> None:
    backbones = {name: without(backbone, lacking) for name, backbone in case.backbones().items()}
    try:
        case.fit(case.attach(backbones), steps=2)
    except Exception as error:
        raise Failure(
            f"works only on a backbone that can {lacking}, and does not say so",
            expected=f"needs={{{lacking!r}}} in the spec",
            found=str(error).partition("\n")[0],
        ) from error
