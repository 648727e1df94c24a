"""The backbone stays what it was."""

import copy

from unbraid.core.interfaces import Backbone
from unbraid.registry.conformance.check import check, require
from unbraid.registry.conformance.method_case import MethodCase
from unbraid.registry.conformance.methods.determinism import require_same


@check("frozen", "method")
def weights(case: MethodCase) -> None:
    """A fit leaves parameters, every buffer, modes and flags of the backbone as they were, bit for bit.

    Breaks: the head fits a backbone nobody else has; all that was trained on the old one is wrong.

    Mend: move nothing of a backbone and switch no mode; `updates` lists modules of the head alone.
    """
    _ = case.fitted


@check("frozen", "method")
def given_back(case: MethodCase) -> None:
    """When the last head leaves, training modes and `requires_grad` are what they were before it came.

    Breaks: the owner goes on training the backbone, and half of it does not move.

    Mend: every `hold` needs its `release`; better, leave both to `attach` and `detach`.
    """
    backbones = case.backbones()
    before = {name: _flags(backbone) for name, backbone in backbones.items()}
    model = case.attach(backbones)
    case.fit(model, steps=1)
    model.detach()
    for name, backbone in backbones.items():
        changed = [part for part, flag in _flags(backbone).items() if before[name].get(part) != flag]
        require(not changed, f"flags of {name} are not given back", expected="none", found=", ".join(changed[:5]))


@check("frozen", "method")
def hooks(case: MethodCase) -> None:
    """A fit leaves no hooks in the backbone.

    Breaks: every later user of the backbone pays for them, and keeps the old head alive.

    Mend: remove the handle in a `finally`; better, call the backbone's parts and look at what they return.
    """
    left = [
        f"{name}.{part}"
        for name, backbone in case.fitted.backbones.items()
        for part, module in backbone.named_modules()
        if any(getattr(module, kind) for kind in _HOOKS)
    ]
    require(not left, "hooks are left in the backbone", expected="none", found=", ".join(left))


@check("frozen", "method")
def apart(case: MethodCase) -> None:
    """The head holds no tensor of a backbone.

    Breaks: saved heads carry the backbone along, licence and gigabytes included, and `.to()` or a step on one moves both.

    Mend: keep the backbone out of attributes that `nn.Module` registers; use it inside the loss that `objectives` makes.
    """
    network = case.fitted.network
    assert network is not None
    theirs = {
        tensor.untyped_storage().data_ptr()
        for backbone in case.fitted.backbones.values()
        for tensor in (*backbone.parameters(), *backbone.buffers())
    }
    shared = [n for n, t in network.state_dict().items() if t.numel() and t.untyped_storage().data_ptr() in theirs]
    require(not shared, "head and backbone share tensors", expected="none", found=", ".join(shared[:5]))


@check("frozen", "method")
def two_heads(case: MethodCase) -> None:
    """Two heads on one backbone do not know of each other.

    Breaks: comparing two settings in one process compares each with a mixture.

    Mend: keep networks and statistics in the instance; nothing trainable in the class or the module.
    """
    backbones = case.backbones()
    first, second = case.attach(backbones), case.attach(backbones)
    case.fit(first, steps=2)
    assert first.network is not None
    before = copy.deepcopy(first.network.state_dict())
    case.fit(second, steps=3)
    require_same("the first head after the second was trained", first.network.state_dict(), before)


_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def _flags(backbone: Backbone) -> dict[str, bool]:
    modes = {f"{name}.training": module.training for name, module in backbone.named_modules() if module is not backbone}
    return modes | {f"{name}.requires_grad": p.requires_grad for name, p in backbone.named_parameters()}
