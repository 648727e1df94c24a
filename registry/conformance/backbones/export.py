"""ONNX."""

from typing import Literal

import torch

from unbraid.core.errors import CapabilityError
from unbraid.core.export import from_bytes, to_onnx
from unbraid.core.interfaces import Graph
from unbraid.core.serving.session import open_session, run_session
from unbraid.registry.conformance.backbone_case import ROWS, BackboneCase
from unbraid.registry.conformance.check import Skip, check
from unbraid.registry.conformance.tolerance import require_close


@check("export", "backbone")
def encode(case: BackboneCase) -> None:
    """The encoder exports to ONNX, and gives there what it gives here at any batch size.

    Breaks: heads on this backbone can be measured, and never put to work.

    Mend: tensor operations only, no fixed batch size; or give the bytes of an ONNX file from `graph`.
    """
    _agrees(case, "encode")


@check("export", "backbone")
def decode(case: BackboneCase) -> None:
    """The decoder exports to ONNX, and gives there what it gives here at any batch size.

    Breaks: bundles can take pictures apart and never put them together.

    Mend: as for the encoder; where that cannot be, raise `CapabilityError` from `graph`, and bundles go without.
    """
    if case.backbone.decoder is None:
        raise Skip("has no decoder")
    try:
        case.backbone.graph("decode")
    except CapabilityError as error:
        raise Skip(f"refuses it: {error.problem}") from error
    _agrees(case, "decode")


def _agrees(case: BackboneCase, stage: Literal["encode", "decode"]) -> None:
    info = case.backbone.info
    image, latent = {"image": info.input.shape}, {"latent": info.latent.shape}
    given, wanted = (image, latent) if stage == "encode" else (latent, image)
    source = case.backbone.graph(stage)
    if isinstance(source, bytes):
        data = from_bytes(stage, source, Graph(case.backbone, given, wanted))
    else:
        data = to_onnx(stage, Graph(source, given, wanted))
    session = open_session(data)
    ((name, _),), ((output, _),) = given.items(), wanted.items()
    rows = case.pictures if stage == "encode" else case.z
    here = case.backbone.encode if stage == "encode" else case.backbone.decode
    with torch.no_grad():
        for count in (1, ROWS):
            found = run_session(session, {name: rows[:count].numpy()}, [output])[output]
            require_close(f"{output}, exported, batch {count}", torch.from_numpy(found), here(rows[:count]))
