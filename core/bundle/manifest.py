"""The manifest of a bundle: what its graphs take and give, and where they come from."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from unbraid.core.artefacts.documents import dump_json
from unbraid.core.bundle.graph import BundleGraph, take_shape
from unbraid.core.bundle.head import BundleBackbone, BundleFactor, BundleHead, BundleMethod
from unbraid.core.bundle.names import GRAPH_NAME, HEAD_NAME, graph_file, qualified
from unbraid.core.bundle.reading import refused, take, take_named, text
from unbraid.core.errors import CapabilityError, FormatVersionError, UnknownNameError

if TYPE_CHECKING:
    from unbraid.core.interfaces.specs import Role  # the package it lives in imports torch

#: File name; `CHECKSUMS.json` beside it lists the files of the folder.
BUNDLE_FILE = "manifest.json"
#: Version of the manifest this version writes; newer ones are refused.
SCHEMA_VERSION = 1
#: The same for every bundle, and there for those who read it in another language.
_PREPROCESSING = {"layout": "NCHW", "range": [0, 1], "resize": "none", "normalise": "inside encode"}
_NOISE = {"input": "noise", "default": "zeros"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that is known of a bundle without opening a graph.

    `method`, `factors`, `capabilities` and `roles` are those of the only head; with several, `heads` has them.

    Args:
        versions: `unbraid`, `torch`, `onnx`, `opset` and the like at export.
        backbone: the frozen model.
        image: `(C, H, W)` of the images; preprocessing lies inside `encode`.
        latent: shape of one latent.
        heads: name -> head; all on the one backbone.
        graphs: name -> file.
    """

    versions: Mapping[str, str]
    backbone: BundleBackbone
    image: tuple[int, ...]
    latent: tuple[int, ...]
    heads: Mapping[str, BundleHead]
    graphs: Mapping[str, BundleGraph]

    def head(self) -> BundleHead:
        """Give the only head.

        Raises:
            CapabilityError: there are several.
        """
        if len(self.heads) != 1:
            heads = ", ".join(self.heads)
            hint = "choose one: bundle.head(name)"
            raise CapabilityError("this bundle has several heads", expected="the name of one", found=heads, hint=hint)
        return next(iter(self.heads.values()))

    def of(self, name: str) -> "Manifest":
        """Give the manifest as if the bundle had one head only: graphs are called what the head calls them.

        Raises:
            UnknownNameError: there is no such head.
        """
        if name not in self.heads:
            raise UnknownNameError("head", name, self.heads)
        head = self.heads[name]
        owned = {graph for each in self.heads.values() for graph in each.graphs.values()}
        shared = {graph: described for graph, described in self.graphs.items() if graph not in owned}
        mine = {verb: self.graphs[graph] for verb, graph in head.graphs.items()}
        alone = replace(head, graphs={verb: verb for verb in head.graphs})
        return replace(self, heads={name: alone}, graphs=shared | mine)

    @property
    def method(self) -> BundleMethod:
        """The method of the only head."""
        return self.head().method

    @property
    def factors(self) -> tuple[BundleFactor, ...]:
        """The factors of the only head, in order."""
        return self.head().factors

    @property
    def roles(self) -> "dict[str, Role]":
        """Factor name -> role of the only head, in order."""
        return self.head().roles

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What backbone and only head can do beyond `encode` and `disentangle`."""
        decode = {"decode"} & self.graphs.keys()
        return tuple(sorted({*self.head().capabilities, *decode}))

    @property
    def id(self) -> str:
        """The sha256 of the manifest, which names the hash of every graph: equal for equal bundles only."""
        return sha256(dump_json(self.to_json(), name=BUNDLE_FILE).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "schema_version": SCHEMA_VERSION,
            "versions": dict(self.versions),
            "backbone": asdict(self.backbone),
            "image": {"dtype": "float32", "shape": ["batch", *self.image]},
            "preprocessing": dict(_PREPROCESSING),
            "latent": {"dtype": "float32", "shape": ["batch", *self.latent]},
            "noise": dict(_NOISE),
            "heads": {name: head.to_json() for name, head in self.heads.items()},
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
        manifest = cls(
            versions=take_named(data, "versions", text),
            backbone=BundleBackbone.from_json(take(data, "backbone", dict)),
            image=_shape(take(data, "image", dict), ranks=(3,)),
            latent=_shape(take(data, "latent", dict), ranks=(1, 3)),
            heads=take_named(data, "heads", BundleHead.from_json),
            graphs=take_named(data, "graphs", BundleGraph.from_json),
        )
        _check_graphs(manifest.graphs)
        _check_heads(manifest)
        return manifest


def _shape(data: Any, ranks: tuple[int, ...]) -> tuple[int, ...]:
    shape = take_shape(data)
    if len(shape) not in ranks:
        raise refused("a shape is malformed", expected=f"{ranks} dimensions beside the batch", found=str(shape))
    return shape


def _check_version(version: int) -> None:
    if version != SCHEMA_VERSION:
        raise FormatVersionError(
            "the bundle was written by a newer version of Unbraid" if version > 0 else "the bundle has no such format",
            expected=f"schema version {SCHEMA_VERSION}",
            found=f"schema version {version}",
            hint="pip install --upgrade unbraid" if version > 0 else "export it again",
        )


def _check_graphs(graphs: Mapping[str, BundleGraph]) -> None:
    """Refuse names that are no names and files that are not where the name says."""
    for name, graph in graphs.items():
        if not GRAPH_NAME.fullmatch(name) or graph.file != graph_file(name):
            raise refused(f"graph {name!r:.80} is misplaced", expected="models/<name>/1/model.onnx", found=graph.file)


def _check_heads(manifest: Manifest) -> None:
    """Refuse heads whose name or graphs are not what they must be, and ensembles whose name is none or taken."""
    if not manifest.heads:
        raise refused("there is no head", expected="one at least", found="none")
    taken = set(manifest.graphs)
    for name, head in manifest.heads.items():
        graphs = {verb: qualified(name if len(manifest.heads) > 1 else None, verb) for verb in head.graphs}
        known = "disentangle" in graphs and set(graphs.values()) <= manifest.graphs.keys()
        if not HEAD_NAME.fullmatch(name) or head.graphs != graphs or not known:
            expected = f"a name like {HEAD_NAME.pattern}, and graphs there are, disentangle among them"
            raise refused(f"head {name!r:.80} is malformed", expected=expected, found=f"{dict(head.graphs)!r:.200}")
        if head.ensemble is not None and (head.ensemble in taken or not GRAPH_NAME.fullmatch(head.ensemble)):
            raise refused("an ensemble is malformed", expected="a name of its own", found=f"{head.ensemble!r:.80}")
        taken.add(head.ensemble or "")


def manifest_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a manifest, for readers in any language.

    >>> manifest_schema()["properties"]["schema_version"]
    {'const': 1}
    """
    schema: dict[str, Any] = json.loads(
        files("unbraid.core.bundle").joinpath("manifest.schema.json").read_text("utf-8")
    )
    return schema
