"""Exporting changes nothing about the model, nor about the process."""

import random
import threading

import numpy as np
import pytest
import torch
from torch import nn

from unbraid.core.export.copying import bake, evaluation_copy
from unbraid.core.export.stages import stages_of


def state(module: nn.Module):
    return {
        "tensors": {name: value.clone() for name, value in module.state_dict().items()},
        "ids": [id(p) for p in (*module.parameters(), *module.buffers())],
        "grads": [None if p.grad is None else p.grad.clone() for p in module.parameters()],
        "flags": [p.requires_grad for p in module.parameters()],
        "modes": [part.training for part in module.modules()],
        "types": [type(part) for part in module.modules()],
        "hooks": [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules()],
    }


def same(before, after):
    tensors = (before.pop("tensors"), after.pop("tensors"))
    grads = (before.pop("grads"), after.pop("grads"))
    assert before == after
    assert all(torch.equal(value, tensors[1][name]) for name, value in tensors[0].items())
    for one, two in zip(*grads, strict=True):
        assert (one is None) == (two is None)
        assert one is None or torch.equal(one, two)


@pytest.fixture
def model(toys):
    torch.manual_seed(1)
    return toys.make_model()


def test_weights_modes_flags_hooks_gradients_and_generators_are_left_as_they_were(model):
    calls = []
    model.head.train()
    model.head.register_forward_hook(lambda *_: calls.append(1))
    sum(f.sum() for f in model.head.disentangle(torch.randn(4, 8)).values()).backward()
    before, frozen = state(model.head), state(model.backbone)
    fingerprint = model.backbone.fingerprint
    generators = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    for stage in stages_of({"default": model}):
        if stage.name in ("encode", "disentangle"):
            stage.onnx_bytes(20)
    same(before, state(model.head))
    same(frozen, state(model.backbone))
    assert model.backbone.fingerprint == fingerprint
    assert torch.equal(torch.get_rng_state(), generators[0])
    assert random.getstate() == generators[1]
    assert np.array_equal(np.random.get_state()[1], generators[2])
    assert torch.is_grad_enabled()


def test_training_goes_on_after_an_export(model):
    copied = evaluation_copy(model.head)
    bake(copied)
    optimiser = torch.optim.SGD(model.head.parameters(), lr=0.1)
    before = model.head.rotation.weight.detach().clone()
    model.head.train().disentangle(torch.randn(16, 8))["letter"].square().sum().backward()
    optimiser.step()
    after = model.head.rotation.weight
    assert not torch.equal(before, after)
    assert torch.allclose(after @ after.T, torch.eye(8), atol=1e-5)
    assert torch.equal(copied.rotation.weight, before)


def test_copies_have_classes_of_their_own(model):
    first, second = evaluation_copy(model.head), evaluation_copy(model.head)
    bake(first)
    assert type(first.rotation) is nn.Linear
    assert type(second.rotation) is type(model.head.rotation)
    assert torch.equal(second.rotation.weight, first.rotation.weight)
    bake(second)
    assert torch.equal(model.head.rotation.weight, first.rotation.weight)


def test_baking_changes_no_output(model):
    copied = evaluation_copy(model.backbone.encoder)
    x = torch.rand(5, *model.backbone.info.input.shape)
    before = copied(x).mean
    bake(copied)
    assert not any("parametrizations" in name for name, _ in copied.named_modules())
    assert torch.equal(copied(x).mean, before)


def test_pruned_weights_are_baked():
    from torch.nn.utils import prune

    module = prune.l1_unstructured(nn.Linear(4, 4), "weight", amount=0.5)
    copied = evaluation_copy(module)
    bake(copied)
    assert "weight" in dict(copied.named_parameters())
    assert int((copied.weight == 0).sum()) == 8
    assert "weight_orig" in dict(module.named_parameters())


def test_an_export_in_another_thread_is_fine(model):
    found = []
    thread = threading.Thread(target=lambda: found.append(evaluation_copy(model.head)))
    thread.start()
    thread.join()
    assert len(found) == 1
