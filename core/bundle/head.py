"""What the manifest says of a head and of the backbone under it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from unbraid.core.bundle.reading import (
    one_of,
    take,
    take_many,
    take_named,
    take_number,
    take_or_none,
    text,
    whole_number,
)

if TYPE_CHECKING:
    from unbraid.core.interfaces.specs import Role  # the package it lives in imports torch

ROLES = ("content", "style", "rest")
DISTRIBUTIONS = ("point", "gaussian", "categorical")


@dataclass(frozen=True, slots=True)
class BundleFactor:
    """A factor as the head describes it; `shape` leaves out the batch dimension, `label` is what it was trained on."""

    name: str
    shape: tuple[int, ...]
    role: "Role"
    distribution: str
    label: str | None = None

    @classmethod
    def from_json(cls, data: Any) -> "BundleFactor":
        """Read the JSON form."""
        role = cast("Role", one_of(data, "role", ROLES))
        shape, distribution = take_many(data, "shape", whole_number), one_of(data, "distribution", DISTRIBUTIONS)
        return cls(take(data, "name", str), shape, role, distribution, take_or_none(data, "label", str))


@dataclass(frozen=True, slots=True)
class BundleMethod:
    """The method of the head and what provides it; `version` is empty for a method of the user's own."""

    name: str
    distribution: str
    version: str

    @classmethod
    def from_json(cls, data: Any) -> "BundleMethod":
        """Read the JSON form."""
        return cls(take(data, "name", str), take(data, "distribution", str), take(data, "version", str))


@dataclass(frozen=True, slots=True)
class BundleFigure:
    """A metric of the head with float32 weights and with those of the bundle; its chance level, if it has one."""

    name: str
    before: float
    after: float
    chance: float | None

    @classmethod
    def from_json(cls, data: Any) -> "BundleFigure":
        """Read the JSON form."""
        chance = None if take_or_none(data, "chance", object) is None else take_number(data, "chance")
        return cls(take(data, "name", str), take_number(data, "before"), take_number(data, "after"), chance)


@dataclass(frozen=True, slots=True)
class BundleReduction:
    """What smaller weights cost the head: on which data, with how many episodes, and every figure."""

    dataset: str
    fingerprint: str
    episodes: int
    seed: int
    figures: tuple[BundleFigure, ...]

    @classmethod
    def from_json(cls, data: Any) -> "BundleReduction":
        """Read the JSON form."""
        return cls(
            take(data, "dataset", str),
            take(data, "fingerprint", str),
            take(data, "episodes", int),
            take(data, "seed", int),
            take_many(data, "figures", BundleFigure.from_json),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleHead:
    """One head of the bundle.

    Args:
        method: whose head it is.
        fingerprint: of its weights.
        factors: in the head's order.
        capabilities: what it can do beyond `disentangle`.
        graphs: verb -> name of the graph that does it.
        ensemble: name under which Triton chains `encode` and `disentangle`; None where that cannot be.
        reduction: what smaller weights cost; None where all are float32.
    """

    method: BundleMethod
    fingerprint: str
    factors: tuple[BundleFactor, ...]
    capabilities: tuple[str, ...]
    graphs: Mapping[str, str]
    ensemble: str | None
    reduction: BundleReduction | None = None

    @property
    def roles(self) -> "dict[str, Role]":
        """Factor name -> role, in order."""
        return {factor.name: factor.role for factor in self.factors}

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> "BundleHead":
        """Read the JSON form."""
        reduced = take_or_none(data, "reduction", dict)
        return cls(
            method=BundleMethod.from_json(take(data, "method", dict)),
            fingerprint=take(data, "fingerprint", str),
            factors=take_many(data, "factors", BundleFactor.from_json),
            capabilities=take_many(data, "capabilities", text),
            graphs=take_named(data, "graphs", text),
            ensemble=take_or_none(data, "ensemble", str),
            reduction=None if reduced is None else BundleReduction.from_json(reduced),
        )


@dataclass(frozen=True, slots=True)
class BundleBackbone:
    """The frozen model the graphs were made from."""

    adapter: str
    source: str
    licence: str
    fingerprint: str
    frozen: bool = True

    @classmethod
    def from_json(cls, data: Any) -> "BundleBackbone":
        """Read the JSON form."""
        return cls(
            take(data, "adapter", str),
            take(data, "source", str),
            take(data, "licence", str),
            take(data, "fingerprint", str),
            take(data, "frozen", bool),
        )
