"""Losses and what they move."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from unbraid.core.attached import AttachedModel
from unbraid.core.training import ObjectiveRunner
from unbraid.core.training.watch import FiniteWatch
from unbraid.registry.conformance.check import Failure, Skip, check, require
from unbraid.registry.conformance.method_case import MethodCase
from unbraid.registry.conformance.methods.waiting import Ledger

#: A parameter behind a gate or a dead unit may get its first gradient late.
TRIES = 3


@check("gradients", "method")
def terms(case: MethodCase) -> None:
    """Every term of a loss is one finite number with a finite weight.

    Breaks: a term that is a vector is summed over the batch by accident; one that is NaN stops the fit an hour later.

    Mend: `.mean()` at the end of a term; guard logarithms and square roots at zero.
    """
    work = _work(case)
    for runner in work.runners:
        for name, term in runner.losses(0, "check", 0).items():
            what = f"term {name} of objective {runner.objective.name}"
            require(term.value.shape == (), f"{what} is no scalar", expected="()", found=tuple(term.value.shape))
            value = float(term.value.detach()) * term.weight
            require(math.isfinite(value), f"{what} is not finite", expected="a number", found=value)


@check("gradients", "method")
def reach(case: MethodCase) -> None:
    """Every trainable parameter of the head is updated by an objective, and gets a finite gradient that is not zero.

    Breaks: a layer that is never trained looks like one that is, and the method is blamed.

    Mend: list its module in `updates`, find the `detach` that cuts it off, or make it a buffer.
    """
    work = _trained(case)
    names = {id(parameter): name for name, parameter in work.head.named_parameters() if parameter.requires_grad}
    idle = set(names)
    for step in range(TRIES):
        for runner in work.runners:
            runner.backward(runner.losses(0, "check", step))
            idle -= {id(p) for p in runner.parameters if _moves(p, names.get(id(p), "a parameter"))}
    left = [names[each] for each in idle]
    require(not left, "parameters are never trained", expected="none", found=", ".join(sorted(left)[:5]))


@check("gradients", "method")
def updates(case: MethodCase) -> None:
    """An objective moves what it lists in `updates` and nothing else.

    Breaks: a critic that trains the encoder along plays against itself.

    Mend: no in-place change of weights in a loss; list every module an objective is to move, and no other.
    """
    work = _trained(case)
    for runner in work.runners:
        mine = {id(parameter) for parameter in runner.parameters}
        others = {name: p for name, p in work.head.named_parameters() if id(p) not in mine}
        before = {name: parameter.detach().clone() for name, parameter in others.items()}
        runner.run(0, 0, FiniteWatch(torch.device("cpu")))
        moved = [name for name, value in before.items() if not torch.equal(value, others[name])]
        what = f"objective {runner.objective.name} moves what it does not list"
        require(not moved, what, expected="updates only", found=", ".join(moved[:5]))


@check("gradients", "method")
def no_waiting(case: MethodCase) -> None:
    """A training step reads no value from the device.

    Breaks: on a GPU every `.item()`, `if tensor:` and boolean mask stops the pipeline; steps take several times as long.

    Mend: `torch.where` for branches, `gate` for skipping, masks as factors; log by returning terms.
    """
    work = _trained(case)
    watch = FiniteWatch(torch.device("cpu"))
    for runner in work.runners:
        runner.run(0, 0, watch)  # the first step builds the optimiser's state
    with Ledger() as ledger:
        for runner in work.runners:
            for repeat in range(runner.objective.repeat):
                losses = runner.losses(0, f"check/{repeat}", 0)
                runner.backward(losses)
    found = ", ".join(sorted(set(ledger.waits)))
    require(not ledger.waits, "a step waits for the device", expected="no value is read", found=found)


class Work(NamedTuple):
    """An untrained, prepared head in training mode, and its objectives at work."""

    model: AttachedModel  # keeps the backbone frozen
    head: nn.Module
    runners: Sequence[ObjectiveRunner]


def _work(case: MethodCase) -> Work:
    model, head = case.attach(), case.head_of()
    model.network = head
    sources = case.sources
    head.prepare(sources)
    objectives = head.objectives(model.backbones)
    if not objectives:
        raise Skip("has no objectives: nothing is trained")
    head.train()
    return Work(model, head, [ObjectiveRunner(objective, sources, torch.device("cpu")) for objective in objectives])


def _trained(case: MethodCase) -> Work:
    """The same, of a method that trains at all."""
    _ = case.fitted
    return _work(case)


def _moves(parameter: nn.Parameter, name: str) -> bool:
    if parameter.grad is None:
        return False
    if not bool(torch.isfinite(parameter.grad).all()):
        raise Failure("a gradient is not finite", expected="numbers", found=f"NaN or infinity in {name}")
    return bool((parameter.grad != 0).any())
