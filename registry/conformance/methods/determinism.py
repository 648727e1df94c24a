"""The same seed gives the same numbers, and nobody else's random numbers change."""

import random

import numpy as np
import torch
from torch import Tensor

from unbraid.registry.conformance.check import check, require
from unbraid.registry.conformance.method_case import MethodCase
from unbraid.registry.conformance.tolerance import require_equal


@check("determinism", "method")
def seed(case: MethodCase) -> None:
    """The same seed builds the same weights.

    Breaks: a head cannot be built again, and the untrained baseline of every figure is another one each time.

    Mend: initialise with torch's generator, which `build` runs under a seed of; not with numpy or the clock.
    """
    require_same("built twice", case.head_of(3).state_dict(), case.head_of(3).state_dict())


@check("determinism", "method")
def fit(case: MethodCase) -> None:
    """Two fits with one seed give the same weights, bit for bit.

    Breaks: no figure can be repeated, and no regression found.

    Mend: take random numbers from `draws` or torch's generator, which every step reseeds; no numpy, no clock, no sets.
    """
    expected = case.fitted.network
    again = case.attach()
    case.fit(again)
    assert expected is not None and again.network is not None
    require_same("fitted twice", again.network.state_dict(), expected.state_dict())


@check("determinism", "method")
def evaluation(case: MethodCase) -> None:
    """In evaluation mode the same latent gives the same factors, also in `inference_mode`.

    Breaks: every look at the same picture says something else; exports cannot agree with the head.

    Mend: `disentangle` gives means; randomness belongs to training mode and to `posterior`.
    """
    with torch.no_grad():
        again = case.head.disentangle(case.z)
    with torch.inference_mode():
        inferred = case.head.disentangle(case.z)
    for name, expected in case.factors.items():
        require_equal(f"factor {name}, looked at twice", again[name], expected)
        require_equal(f"factor {name} in inference mode", inferred[name], expected)


@check("determinism", "method")
def global_state(case: MethodCase) -> None:
    """Attaching and training leave global random states and torch's settings as they were.

    Breaks: plugging a head in changes the rest of somebody's experiment.

    Mend: seed nothing globally and set no global switch; `torch.random.fork_rng` where that cannot be avoided.
    """
    _ = case.fitted
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            _advance()  # away from where an earlier look at the method may have put them
            before = _global_state()
            case.fit(case.attach(), steps=2)
            after = _global_state()
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
    changed = [name for name in before if before[name] != after[name]]
    require(not changed, "global state changed", expected="none", found=", ".join(changed))


def require_same(what: str, found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Raise `Failure` where two states differ in a name or a bit."""
    require(list(found) == list(expected), f"{what}: other tensors", expected=list(expected), found=list(found))
    for name, tensor in expected.items():
        require_equal(f"{what}: {name}", found[name], tensor)


def _advance() -> None:
    random.random()
    np.random.random()
    torch.rand(1)


def _global_state() -> dict[str, object]:
    return {
        "torch's generator": torch.random.get_rng_state().numpy().tobytes(),
        "numpy's generator": repr(np.random.get_state()),
        "Python's generator": random.getstate(),
        "torch's default dtype": torch.get_default_dtype(),
        "torch's gradient mode": torch.is_grad_enabled(),
        "torch's deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "torch's threads": torch.get_num_threads(),
    }
