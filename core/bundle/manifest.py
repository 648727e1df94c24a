"""The manifest of a bundle: what its graphs take and give, and where they come from."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from unbraid.core.bundle.reading import refused, take, take_many, take_named, take_number, text, whole_number
from unbraid.core.errors import FormatVersionError

if TYPE_CHECKING:
    from unbraid.core.interfaces.specs import Role  # the package it lives in imports torch

#: File name; `CHECKSUMS.json` beside it lists the files of the folder.
BUNDLE_FILE = "manifest.json"
#: Version of the manifest this version writes; newer ones are refused.
SCHEMA_VERSION = 1
#: What graphs may be called: the name is part of a path and, in a server, of a URL.
GRAPH_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
ROLES = ("content", "style", "rest")
DISTRIBUTIONS = ("point", "gaussian", "categorical")


@dataclass(frozen=True, slots=True)
class BundleTensor:
    """A float32 input or output; `shape` leaves out the batch dimension."""

    name: str
    shape: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form, with the batch dimension in its place."""
        return {"name": self.name, "dtype": "float32", "shape": ["batch", *self.shape]}

    @classmethod
    def from_json(cls, data: Any) -> "BundleTensor":
        """Read the JSON form."""
        shape = take(data, "shape", list)
        if take(data, "dtype", str) != "float32" or shape[:1] != ["batch"]:
            raise refused("a tensor is malformed", expected='float32, shape ["batch", ...]', found=f"{data!r:.80}")
        return cls(take(data, "name", str), tuple(map(whole_number, shape[1:])))


@dataclass(frozen=True, slots=True)
class BundleTolerance:
    """How far onnxruntime was from torch: largest difference, and the bound it had to keep, over the batch sizes."""

    batches: tuple[int, ...]
    max_abs: float
    bound: float

    @classmethod
    def from_json(cls, data: Any) -> "BundleTolerance":
        """Read the JSON form."""
        return cls(take_many(data, "batches", whole_number), take_number(data, "max_abs"), take_number(data, "bound"))


@dataclass(frozen=True, slots=True)
class BundleGraph:
    """One ONNX file: where it lies, its hash and size, what it takes and gives, in order."""

    file: str
    sha256: str
    bytes: int
    inputs: tuple[BundleTensor, ...]
    outputs: tuple[BundleTensor, ...]
    tolerance: BundleTolerance

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        sides = {"inputs": [t.to_json() for t in self.inputs], "outputs": [t.to_json() for t in self.outputs]}
        return asdict(self) | sides

    @classmethod
    def from_json(cls, data: Any) -> "BundleGraph":
        """Read the JSON form."""
        return cls(
            take(data, "file", str),
            take(data, "sha256", str),
            whole_number(take(data, "bytes", int)),
            take_many(data, "inputs", BundleTensor.from_json),
            take_many(data, "outputs", BundleTensor.from_json),
            BundleTolerance.from_json(take(data, "tolerance", dict)),
        )


@dataclass(frozen=True, slots=True)
class BundleFactor:
    """A factor as the head describes it; `shape` leaves out the batch dimension."""

    name: str
    shape: tuple[int, ...]
    role: "Role"
    distribution: str

    @classmethod
    def from_json(cls, data: Any) -> "BundleFactor":
        """Read the JSON form."""
        role, distribution = take(data, "role", str), take(data, "distribution", str)
        if role not in ROLES or distribution not in DISTRIBUTIONS:
            raise refused("a factor is malformed", expected=f"{ROLES} and {DISTRIBUTIONS}", found=f"{data!r:.80}")
        shape = take_many(data, "shape", whole_number)
        return cls(take(data, "name", str), shape, cast("Role", role), distribution)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that is known of a bundle without opening a graph.

    Args:
        versions: `unbraid`, `torch`, `onnx`, `opset` and the like at export.
        method: of the head.
        backbone: the frozen model.
        image: `(C, H, W)` of the images; preprocessing lies inside `encode`.
        latent: shape of one latent.
        factors: in the head's order.
        capabilities: what the bundle can do beyond `encode` and `disentangle`.
        graphs: name -> file.
    """

    versions: Mapping[str, str]
    method: BundleMethod
    backbone: BundleBackbone
    image: tuple[int, ...]
    latent: tuple[int, ...]
    factors: tuple[BundleFactor, ...]
    capabilities: tuple[str, ...]
    graphs: Mapping[str, BundleGraph]

    @property
    def roles(self) -> "dict[str, Role]":
        """Factor name -> role, in order."""
        return {factor.name: factor.role for factor in self.factors}

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "schema_version": SCHEMA_VERSION,
            "versions": dict(self.versions),
            "method": asdict(self.method),
            "backbone": asdict(self.backbone),
            "image": {"dtype": "float32", "shape": ["batch", *self.image]},
            "preprocessing": {"range": [0, 1], "layout": "NCHW"},
            "latent": {"dtype": "float32", "shape": ["batch", *self.latent]},
            "factors": [asdict(factor) for factor in self.factors],
            "capabilities": list(self.capabilities),
            "graphs": {name: graph.to_json() for name, graph in self.graphs.items()},
        }

    @classmethod
    def from_json(cls, data: Any) -> "Manifest":
        """Read the JSON form.

        Raises:
            FormatVersionError: a newer version of Unbraid wrote it.
            DamagedArtefactError: something is missing, of the wrong type or malformed.
        """
        _check_version(take(data, "schema_version", int))
        graphs = take_named(data, "graphs", BundleGraph.from_json)
        _check_names(graphs)
        return cls(
            versions=take_named(data, "versions", text),
            method=BundleMethod.from_json(take(data, "method", dict)),
            backbone=BundleBackbone.from_json(take(data, "backbone", dict)),
            image=_shape(take(data, "image", dict), ranks=(3,)),
            latent=_shape(take(data, "latent", dict), ranks=(1, 3)),
            factors=take_many(data, "factors", BundleFactor.from_json),
            capabilities=take_many(data, "capabilities", text),
            graphs=graphs,
        )


def graph_file(name: str) -> str:
    """Give the path of a graph inside the bundle; the folder `models` is a Triton model repository.

    >>> graph_file("encode")
    'models/encode/1/model.onnx'
    """
    return f"models/{name}/1/model.onnx"


def _shape(data: Any, ranks: tuple[int, ...]) -> tuple[int, ...]:
    shape = BundleTensor.from_json({"name": ""} | data).shape
    if len(shape) not in ranks:
        raise refused("a shape is malformed", expected=f"{ranks} dimensions beside the batch", found=str(shape))
    return shape


def _check_version(version: int) -> None:
    if version > SCHEMA_VERSION:
        raise FormatVersionError(
            "the bundle was written by a newer version of Unbraid",
            expected=f"schema version {SCHEMA_VERSION} or older",
            found=f"schema version {version}",
            hint="pip install --upgrade unbraid",
        )


def _check_names(graphs: Mapping[str, BundleGraph]) -> None:
    """Refuse names that are no names and files that are not where the name says."""
    for name, graph in graphs.items():
        if not GRAPH_NAME.fullmatch(name) or graph.file != graph_file(name):
            raise refused(f"graph {name!r:.80} is misplaced", expected="models/<name>/1/model.onnx", found=graph.file)
