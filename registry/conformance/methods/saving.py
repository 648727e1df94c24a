"""Heads as files."""

import copy

import torch
from torch import Tensor

import unbraid
from unbraid.core.artefacts import read_tensors
from unbraid.core.attached import AttachedModel
from unbraid.core.interfaces import Disentangler
from unbraid.registry.conformance.check import check, require
from unbraid.registry.conformance.method_case import MethodCase
from unbraid.registry.conformance.methods.determinism import require_same
from unbraid.registry.conformance.tolerance import require_equal


@check("saving", "method")
def saves(case: MethodCase) -> None:
    """A fitted head can be saved.

    Breaks: the training was for nothing.

    Mend: see the error; all state is tensors in `state_dict`, all settings are in the config.
    """
    _ = case.saved


@check("saving", "method")
def loads(case: MethodCase) -> None:
    """A head that was saved and loaded gives the same factors, latents, logits and scores, bit for bit.

    Breaks: figures and service are of another head than the one that was trained.

    Mend: what `prepare` and training compute are parameters or persistent buffers; `build` makes them in full shape.
    """
    folder = case.saved
    backbones = case.backbones()
    loaded = unbraid.load(folder, backbones if case.spec.domains > 1 else next(iter(backbones.values())), device="cpu")
    expected, found = (_outputs(case, case.single(model)) for model in (case.fitted, loaded))
    for name, value in expected.items():
        require_equal(f"{name} before saving and after loading", found[name], value)


@check("saving", "method")
def same_bytes(case: MethodCase) -> None:
    """Saving twice writes the same bytes.

    Breaks: nobody can tell by a hash whether two heads are the same.

    Mend: `head_state` and the config give the same values each time, in the same order.
    """
    first, second = case.saved, case.fitted.save(case.folder("again"))
    for file in ("config.json", "model.safetensors"):
        same = (first / file).read_bytes() == (second / file).read_bytes()
        require(same, f"{file} is another one when saved again", expected="the same bytes", found="others")


@check("saving", "method")
def left_out(case: MethodCase) -> None:
    """What is in `train_only` is in no saved head.

    Breaks: critics and discriminators, often larger than the head, are shipped and loaded for nothing.

    Mend: leave `head_state` to the base class, or leave the `train_only` parts out of yours.
    """
    network = case.fitted.network
    assert network is not None
    parts = tuple(f"{name}." for name in network.train_only)
    kept = [name for name in read_tensors(case.saved / "model.safetensors") if f"{name}.".startswith(parts)]
    require(not kept, "a saved head holds what only trains", expected="none", found=", ".join(kept[:5]))


@check("saving", "method")
def copies(case: MethodCase) -> None:
    """A deep copy of the head is a head of its own.

    Breaks: "best so far" kept by copying goes on training.

    Mend: leave `__deepcopy__` alone, and hold no tensors outside of parameters and buffers.
    """
    network = case.fitted.network
    assert network is not None
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    copied = copy.deepcopy(network)
    require_same("a deep copy", copied.state_dict(), before)
    with torch.no_grad():
        for tensor in copied.state_dict().values():
            tensor.add_(1) if tensor.dtype != torch.bool else tensor.logical_not_()
    require_same("the head after its copy was changed", network.state_dict(), before)


def _outputs(case: MethodCase, model: AttachedModel) -> dict[str, Tensor]:
    head, z = model.head.eval(), case.z
    with torch.no_grad():
        factors = head.disentangle(z)
        return {f"factor {name}": value for name, value in factors.items()} | _abilities(head, z, factors)


def _abilities(head: Disentangler, z: Tensor, factors: dict[str, Tensor]) -> dict[str, Tensor]:
    found = {}
    if "entangle" in head.capabilities:
        found["entangled latents"] = head.entangle(factors)
    if "classify" in head.capabilities:
        found["logits"] = head.classify(z)
    if "score" in head.capabilities:
        content = factors[head.factor("content").name]
        found["scores"] = head.score(content, content.flip(0))
    return found
