"""Stopping and going on."""

from unbraid.registry.conformance.check import check
from unbraid.registry.conformance.method_case import STEPS, MethodCase
from unbraid.registry.conformance.methods.determinism import require_same


@check("resume", "method")
def exact(case: MethodCase) -> None:
    """A fit that is stopped twice on the way ends with the weights of one that never stopped, bit for bit.

    Breaks: a run that was killed in the night cannot be told from, nor compared with, one that was not.

    Mend: keep all state of training in parameters and buffers of the head; no counters in Python, no caches.
    """
    expected = case.fitted.network
    for steps, resume in ((1, False), (5, True), (STEPS, True)):
        model = case.attach()
        case.fit(model, out=case.folder("resumed"), steps=steps, resume=resume)
    assert expected is not None and model.network is not None
    require_same("weights of a resumed fit", model.network.state_dict(), expected.state_dict())
