"""What a bundle is: its manifest and the rules its graphs keep. Torch-free; `export` writes it, `serving` reads it.

The rules (`unbraid.core.bundle.rules`) need onnx, which takes a while to import; import them from there.
"""

from unbraid.core.bundle.manifest import (
    BUNDLE_FILE,
    GRAPH_NAME,
    SCHEMA_VERSION,
    BundleBackbone,
    BundleFactor,
    BundleGraph,
    BundleMethod,
    BundleTensor,
    BundleTolerance,
    Manifest,
    graph_file,
)

__all__ = [
    "BUNDLE_FILE",
    "GRAPH_NAME",
    "SCHEMA_VERSION",
    "BundleBackbone",
    "BundleFactor",
    "BundleGraph",
    "BundleMethod",
    "BundleTensor",
    "BundleTolerance",
    "Manifest",
    "graph_file",
]
