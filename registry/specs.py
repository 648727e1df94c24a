"""What a plug-in declares: frozen records of standard-library types, so that a manifest imports nothing heavy."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from unbraid.registry.errors import PluginError

#: Version of the plug-in contract this host speaks.
PLUGIN_API = 1

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_-]*")
TARGET_PATTERN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")

Supervision = Literal["none", "pairs", "labels", "partial"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What every plug-in states; targets are dotted strings `package.module:attribute`, imported on first use."""

    kind: ClassVar[str] = "plug-in"

    #: Lower case, `[a-z][a-z0-9_-]*`; what users type.
    name: str
    #: What is imported when the plug-in is used; each kind says what it must be.
    target: str
    #: One line for `unbraid list`.
    summary: str
    #: Dotted string of the frozen config dataclass, or None where there is nothing to set.
    config: str | None = None
    #: Version of the plug-in contract the plug-in was written for.
    api: int = PLUGIN_API
    #: Under which licence what it provides may be used, an SPDX identifier.
    licence: str = ""
    #: Paper or page the method comes from.
    reference: str = ""
    #: Import names of optional packages the target needs.
    requires: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not NAME_PATTERN.fullmatch(self.name):
            raise PluginError("a plug-in name is malformed", expected=NAME_PATTERN.pattern, found=repr(self.name))
        for target in filter(None, (self.target, self.config)):
            if not TARGET_PATTERN.fullmatch(target):
                raise PluginError(
                    f"{self.name}: a target is malformed", expected="package.module:attribute", found=repr(target)
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class DisentanglerSpec(Spec):
    """A method. The target is a `Disentangler` subclass."""

    kind: ClassVar[str] = "method"

    #: What training reads: no labels, pairs that share a class, class labels, or labels of some rows.
    supervision: Supervision = "labels"
    #: Capabilities the backbone must have: `decode`, `gradient`.
    needs: frozenset[str] = frozenset()
    #: How many domains (backbones) the method joins.
    domains: int = 1
    #: Whether the network depends on the number of classes, so that `attach` waits for `fit` to build it.
    needs_classes: bool = False
    #: Name -> role of the factors it finds as it is set up by default; for `unbraid list`.
    factors: Mapping[str, str] = field(default_factory=dict)
    #: Named overrides of the config: preset -> field -> value.
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneSpec(Spec):
    """A way to get a frozen backbone. The target is a callable `(config) -> Backbone`."""

    kind: ClassVar[str] = "backbone"

    #: `exact` (bijection), `amortised` (learned decoder) or `none`.
    inverse: Literal["exact", "amortised", "none"] = "amortised"
    #: Dotted string of `(config, dataset, out, *, settings, fit, resume) -> Path` where the backbone can be trained here.
    pretrain: str | None = None
    #: Dotted string of the frozen dataclass of `settings`.
    pretrain_config: str | None = None
    #: Dotted string of `(files, out, *, statement) -> Path` where published checkpoints can be converted.
    convert: str | None = None
    #: Endings of single files that are enough for `weights`: `.onnx`.
    suffixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec(Spec):
    """A data set. The target is a callable `(config) -> Dataset`."""

    kind: ClassVar[str] = "dataset"

    #: Name of the content label, where it is fixed.
    content: str | None = None
    #: Name of the style label, where it is fixed.
    style: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec(Spec):
    """A metric. The target is a callable `(evidence) -> Sequence[Figure]` over plain arrays.

    Where there is a config, it takes that too: `(evidence, config)`.
    """

    kind: ClassVar[str] = "metric"

    #: Capabilities of head or backbone without which the metric is not applicable.
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerSpec(Spec):
    """A sink for training metrics. The target is a callable `(run_folder) -> Tracker`."""

    kind: ClassVar[str] = "tracker"
