"""Attach disentanglers to frozen pretrained models.

Everything public is here and imported on first use, so that `import unbraid` costs nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel, attach, load
    from unbraid.core.catalogue import load_backbone, load_dataset
    from unbraid.core.client import Client
    from unbraid.core.errors import CapabilityError, ConfigError, DataError, LabelError, ProtocolError, UnbraidError
    from unbraid.core.evaluation import Evaluation, Evidence, Figure, Population
    from unbraid.core.export import export_bundle
    from unbraid.core.interfaces import (
        Backbone,
        BackboneInfo,
        Batch,
        CellRows,
        Cells,
        Dataset,
        Decoder,
        Disentangler,
        Draws,
        Encoder,
        EpisodeRows,
        Episodes,
        Factor,
        Graph,
        ImageSpec,
        LabelSpec,
        LatentSpec,
        Losses,
        Objective,
        OptimiserSpec,
        Pairs,
        Posterior,
        Rows,
        SameClassPairs,
        Samples,
        Term,
        only,
    )
    from unbraid.core.latents import Latents
    from unbraid.core.modules import freeze
    from unbraid.core.serving import Bundle, load_bundle
    from unbraid.registry import BackboneSpec, DatasetSpec, DisentanglerSpec, MetricSpec, TrackerSpec, hookimpl

    __version__: str
else:
    # Type checkers never see this half: a `__getattr__` they can see would hide every misspelt name from them.
    _NAMES = {
        "unbraid.core.attached": ("AttachedModel", "attach", "load"),
        "unbraid.core.catalogue": ("load_backbone", "load_dataset"),
        "unbraid.core.client": ("Client",),
        "unbraid.core.errors": (
            *("CapabilityError", "ConfigError", "DataError", "LabelError", "ProtocolError", "UnbraidError"),
        ),
        "unbraid.core.evaluation": ("Evaluation", "Evidence", "Figure", "Population"),
        "unbraid.core.latents": ("Latents",),
        "unbraid.core.export": ("export_bundle",),
        "unbraid.core.modules": ("freeze",),
        "unbraid.core.interfaces": (
            *("Backbone", "BackboneInfo", "Batch", "CellRows", "Cells", "Dataset", "Decoder", "Disentangler", "Draws"),
            *("Encoder", "EpisodeRows", "Episodes", "Factor", "Graph", "ImageSpec", "LabelSpec", "LatentSpec"),
            *("Losses", "Objective", "OptimiserSpec", "Pairs", "Posterior", "Rows", "SameClassPairs", "Samples"),
            *("Term", "only"),
        ),
        "unbraid.core.serving": ("Bundle", "load_bundle"),
        "unbraid.registry": (
            *("BackboneSpec", "DatasetSpec", "DisentanglerSpec", "MetricSpec", "TrackerSpec", "hookimpl"),
        ),
    }
    _HOMES = {name: module for module, names in _NAMES.items() for name in names}

    def _version():
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("unbraid")
        except PackageNotFoundError:
            return "0+uninstalled"

    def __getattr__(name):
        if name == "__version__":
            value = _version()
        elif name in _HOMES:
            from importlib import import_module

            value = getattr(import_module(_HOMES[name]), name)
        else:
            from difflib import get_close_matches

            near = get_close_matches(name, _HOMES, n=3)
            hint = f"; did you mean {' or '.join(repr(match) for match in near)}?" if near else ""
            raise AttributeError(f"module 'unbraid' has no attribute {name!r}{hint}", name=name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "AttachedModel",
    "Backbone",
    "BackboneInfo",
    "BackboneSpec",
    "Batch",
    "Bundle",
    "CapabilityError",
    "CellRows",
    "Cells",
    "Client",
    "ConfigError",
    "DataError",
    "Dataset",
    "DatasetSpec",
    "Decoder",
    "Disentangler",
    "DisentanglerSpec",
    "Draws",
    "Encoder",
    "EpisodeRows",
    "Episodes",
    "Evaluation",
    "Evidence",
    "Factor",
    "Figure",
    "Graph",
    "ImageSpec",
    "LabelError",
    "LabelSpec",
    "LatentSpec",
    "Latents",
    "Losses",
    "MetricSpec",
    "Objective",
    "OptimiserSpec",
    "Pairs",
    "Population",
    "Posterior",
    "ProtocolError",
    "Rows",
    "SameClassPairs",
    "Samples",
    "Term",
    "TrackerSpec",
    "UnbraidError",
    "__version__",
    "attach",
    "export_bundle",
    "freeze",
    "hookimpl",
    "load",
    "load_backbone",
    "load_bundle",
    "load_dataset",
    "only",
]
