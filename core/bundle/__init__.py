"""What a bundle is: its manifest and the rules its graphs keep. Torch-free; `export` writes it, `serving` reads it.

The rules (`unbraid.core.bundle.rules`) need onnx, which takes a while to import; import them from there.
"""

from unbraid.core.bundle.graph import PRECISIONS, BundleGraph, BundleTensor, BundleTolerance
from unbraid.core.bundle.head import (
    BundleBackbone,
    BundleFactor,
    BundleFigure,
    BundleHead,
    BundleMethod,
    BundleReduction,
)
from unbraid.core.bundle.manifest import BUNDLE_FILE, SCHEMA_VERSION, Manifest, manifest_schema
from unbraid.core.bundle.names import (
    DEFAULT_HEAD,
    GRAPH_NAME,
    HEAD_NAME,
    PLACEHOLDER,
    TENSOR_NAME,
    config_file,
    graph_file,
    placeholder_file,
    qualified,
)
from unbraid.core.bundle.triton import triton_files

__all__ = [
    "BUNDLE_FILE",
    "DEFAULT_HEAD",
    "GRAPH_NAME",
    "HEAD_NAME",
    "PLACEHOLDER",
    "PRECISIONS",
    "SCHEMA_VERSION",
    "TENSOR_NAME",
    "BundleBackbone",
    "BundleFactor",
    "BundleFigure",
    "BundleGraph",
    "BundleHead",
    "BundleMethod",
    "BundleReduction",
    "BundleTensor",
    "BundleTolerance",
    "Manifest",
    "config_file",
    "graph_file",
    "manifest_schema",
    "placeholder_file",
    "qualified",
    "triton_files",
]
