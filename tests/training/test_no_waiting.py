"""A training step never waits for the device: it runs where there are no values, and asks for none where there are."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
import zoo_backbones
import zoo_data
from torch import Tensor

import unbraid
from unbraid.core.attached.fitting import _build_deferred, training_rows
from unbraid.core.interfaces import Draws
from unbraid.core.latents import Latents, encode_dataset
from unbraid.core.training import ObjectiveRunner
from unbraid.core.training.watch import FiniteWatch
from unbraid.registry.conformance.methods.waiting import Ledger

SINGLE = ["gated-adversary", "gaussian-style", "class-gated", "embedding", "exact-flow", "pixel-cycle", "split"]


def prepared(method: str, device: str = "cpu") -> tuple[unbraid.AttachedModel, Mapping[str, Latents]]:
    data = zoo_data.stripes()
    model = unbraid.attach(method, zoo_backbones.vector(), device=device)
    _build_deferred(model, {"default": data})
    rows = torch.from_numpy(training_rows(model, data))
    sources = {"default": encode_dataset(model.backbone, data, device=device).to(device).subset(rows)}
    model.head.prepare(sources)
    return model, sources


@pytest.mark.parametrize("method", SINGLE)
def test_a_step_asks_for_no_value(method: str, zoo: None) -> None:
    """Sampling, loss, backward, NaN flag, gate and update."""
    model, sources = prepared(method)
    runners = [ObjectiveRunner(o, sources, model.device) for o in model.head.objectives(model.backbones)]
    watch = FiniteWatch(model.device)
    for runner in runners:
        runner.run(0, 0, watch)  # the first step builds the optimiser's state
    with Ledger() as ledger:
        for runner in runners:
            runner.run(0, 2, watch)
    assert ledger.seen > 20 * len(runners)
    assert ledger.waits == []


def test_the_ledger_sees_waiting() -> None:
    with Ledger() as ledger:
        x = torch.arange(4.0)
        float(x.sum())
        x[x > 1]
        if (x > 5).any():
            pass
    assert len(ledger.waits) == 3


def to_meta(record: Any) -> Any:
    if isinstance(record, Tensor):
        return record.to("meta")
    if isinstance(record, Mapping):
        return {name: to_meta(each) for name, each in record.items()}
    return type(record)(*(to_meta(each) for each in record))


@pytest.mark.parametrize("method", SINGLE)
def test_the_training_step_runs_its_loss_and_backward_on_the_meta_device(method: str, zoo: None) -> None:
    model, sources = prepared(method)
    objectives = model.head.objectives(model.backbones)
    batches = [ObjectiveRunner(o, sources, model.device) for o in objectives]
    drawn = [{name: s(Draws(0, "meta", 0)) for name, s in runner._samplers.items()} for runner in batches]
    model.to("meta")
    for objective, batch in zip(model.head.objectives(model.backbones), drawn, strict=True):
        runner = ObjectiveRunner(objective, {"default": sources["default"]}, torch.device("cpu"))
        losses = objective.loss(to_meta(batch), Draws(0, "meta", 0, "meta"))
        runner.backward(losses)
        assert all(term.value.shape == () and term.value.is_meta for term in losses.values())
        assert all(p.grad is not None and p.grad.is_meta and p.grad.shape == p.shape for p in objective.parameters)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("method", SINGLE)
def test_cuda_itself_sees_no_synchronisation(method: str, zoo: None) -> None:
    model, sources = prepared(method, "cuda")
    runners = [ObjectiveRunner(o, sources, model.device) for o in model.head.objectives(model.backbones)]
    watch = FiniteWatch(model.device)
    for step in range(4):
        torch.cuda.set_sync_debug_mode("error" if step >= 2 else "default")
        try:
            for runner in runners:
                runner.run(0, step, watch)
        finally:
            torch.cuda.set_sync_debug_mode("default")
