"""Which backbone it is."""

import copy

from unbraid.registry.conformance.backbone_case import BackboneCase
from unbraid.registry.conformance.check import Skip, check, require


@check("identity", "backbone")
def same(case: BackboneCase) -> None:
    """Loaded twice, it has the same fingerprint.

    Breaks: heads and caches are refused as belonging to another backbone, every time.

    Mend: random weights need a fixed seed; nothing of the machine, the time or a set's order belongs in `info.config`.
    """
    first, again = case.backbone.fingerprint, case.load().fingerprint
    require(first == again, "two loads give two fingerprints", expected=first, found=again)


@check("identity", "backbone")
def weights(case: BackboneCase) -> None:
    """Other weights are another fingerprint.

    Breaks: a head is loaded on weights it was not trained on, and nobody notices.

    Mend: leave `fingerprint` to the base class, and keep every weight in parameters and persistent buffers.
    """
    other = copy.deepcopy(case.backbone)
    tensor = next((t for t in other.state_dict().values() if t.is_floating_point() and t.numel()), None)
    if tensor is None:
        raise Skip("has no weights")
    tensor.view(-1)[0] += 1
    require(
        other.fingerprint != case.backbone.fingerprint,
        "other weights, same fingerprint",
        expected="another",
        found="one",
    )
