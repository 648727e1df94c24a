"""A request for inference, as HTTP and gRPC both understand it once their own form is peeled off."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unbraid.core.errors import RequestError
from unbraid.core.server.limits import Limits
from unbraid.core.server.models import Model, Parameter, Tensors
from unbraid.core.server.tensors import TensorSpec

_ID = re.compile(r"[A-Za-z0-9._:/+=@-]*")
#: Parameters of other servers that would change the answer: refused rather than passed over.
_FOREIGN = ("shared_memory_", "sequence_", "classification")


@dataclass(frozen=True, slots=True)
class Inference:
    """What a client asks of a model, checked.

    Args:
        id: the client's own, given back with the answer; empty where it gave none.
        inputs: complete.
        parameters: of the request.
        outputs: wanted, and whether as bytes.
    """

    id: str
    inputs: Tensors
    parameters: Mapping[str, Parameter]
    outputs: Mapping[str, bool]

    def seconds(self, limits: Limits) -> float:
        """Give the time the client grants (`timeout`, microseconds), at most the server's."""
        asked = self.parameters.get("timeout", 0)
        if isinstance(asked, str) or asked <= 0:
            return limits.request_seconds
        return min(float(asked) / 1e6, limits.request_seconds)


def check_id(value: Any, limits: Limits) -> str:
    """Give the id of a request; it goes into logs and answers, so letters must be plain.

    Raises:
        RequestError: 400.
    """
    if not isinstance(value, str) or len(value) > limits.id_characters or not _ID.fullmatch(value):
        raise RequestError(400, f"id must be at most {limits.id_characters} letters, digits and ._:/+=@-")
    return value


def check_parameters(value: Any) -> dict[str, Parameter]:
    """Give the parameters of a request, an input or an output.

    Raises:
        RequestError: 400 for values that are no scalars, and names that ask for what this server does not do.
    """
    if not isinstance(value, dict) or any(not isinstance(v, bool | int | float | str) for v in value.values()):
        raise RequestError(400, "parameters must be an object of booleans, numbers and texts")
    if any(name.startswith(_FOREIGN) for name in value):
        raise RequestError(400, "shared memory, sequences and classification are not offered")
    return value


def flag(parameters: Mapping[str, Parameter], name: str, default: bool) -> bool:
    """Read a boolean parameter.

    Raises:
        RequestError: 400, it is of another type.
    """
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise RequestError(400, f"parameter {name!r} must be a boolean")
    return value


def wanted_outputs(model: Model, asked: list[tuple[TensorSpec, bool]], binary: bool) -> dict[str, bool]:
    """Give the outputs to answer with, all where none is asked for.

    Raises:
        RequestError: 400, one is asked for twice.
    """
    if not asked:
        return {spec.name: binary for spec in model.outputs}
    wanted = {spec.name: as_bytes for spec, as_bytes in asked}
    if len(wanted) != len(asked):
        raise RequestError(400, "an output is asked for twice")
    return wanted
