"""What a backbone says of itself."""

import json

from unbraid.core.catalogue import load_backbone
from unbraid.registry.conformance.backbone_case import BackboneCase
from unbraid.registry.conformance.check import Skip, check, require

CAPABILITIES = ("decode", "gradient")
PRIORS = ("normal", "uniform", None)


@check("contract", "backbone")
def loads(case: BackboneCase) -> None:
    """The adapter gives a backbone for its settings.

    Breaks: nothing at all works.

    Mend: see the error; the target is called with the config and returns a `Backbone`.
    """
    _ = case.backbone


@check("contract", "backbone")
def info(case: BackboneCase) -> None:
    """`info` names the adapter, known capabilities and a known prior, and decodes exactly where it says so.

    Breaks: methods that need a decoder attach to a backbone without one, or are refused by one that has it.

    Mend: `decode` in `capabilities` where there is a decoder and nowhere else; `inverse="none"` where there is none.
    """
    found = case.backbone.info
    unknown = sorted(found.capabilities - set(CAPABILITIES))
    require(not unknown, "unknown capabilities", expected=", ".join(CAPABILITIES), found=", ".join(unknown))
    require(found.prior in PRIORS, "unknown prior", expected=PRIORS, found=found.prior)
    says = (found.inverse != "none", "decode" in found.capabilities, case.backbone.decoder is not None)
    require(len(set(says)) == 1, "inverse, capability and decoder disagree", expected="all or none", found=says)


@check("contract", "backbone")
def comes_back(case: BackboneCase) -> None:
    """The adapter and the config that `info` states load the same backbone again.

    Breaks: `unbraid.load("my-head")` cannot bring the backbone of a head back.

    Mend: `info.adapter` is the registered name; `info.config` holds every setting as JSON values.
    """
    if not isinstance(case.subject, str):
        raise Skip("was handed over: no adapter brings it back")
    stated = case.backbone.info
    require(
        stated.adapter == case.spec.name, "info names another adapter", expected=case.spec.name, found=stated.adapter
    )
    loaded = load_backbone(stated.adapter, **json.loads(json.dumps(dict(stated.config))))
    require(
        loaded.fingerprint == case.backbone.fingerprint,
        "the stated config loads another backbone",
        expected=case.backbone.fingerprint,
        found=loaded.fingerprint,
    )
