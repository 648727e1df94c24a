"""Export: backbone and head as ONNX graphs, checked and measured before anything is written."""

from unbraid.core.export.bundle import ExportReport, export_bundle
from unbraid.core.export.conversion import check, from_bytes, to_onnx
from unbraid.core.export.copying import bake, evaluation_copy
from unbraid.core.export.parity import TOLERANCE
from unbraid.core.export.reducing import Reduction
from unbraid.core.export.rows import BATCHES
from unbraid.core.export.stripping import file_bytes, strip

__all__ = [
    "BATCHES",
    "TOLERANCE",
    "ExportReport",
    "Reduction",
    "bake",
    "check",
    "evaluation_copy",
    "export_bundle",
    "file_bytes",
    "from_bytes",
    "strip",
    "to_onnx",
]
