"""Folders, JSON and tensors on disk: written whole or not at all, and checked when they are read.

An artefact is a folder with a `CHECKSUMS.json` that was written last and lists size and sha256 of every file. Nothing
here is pickled, and importing this imports no torch.
"""

from unbraid.core.artefacts.documents import read_json, write_json
from unbraid.core.artefacts.folder import atomic_folder
from unbraid.core.artefacts.manifest import FORMAT_VERSION, MANIFEST, verify_folder
from unbraid.core.artefacts.storage import atomic_file, check_free_space, storage_errors
from unbraid.core.artefacts.tensors import read_tensors, write_tensors

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST",
    "atomic_file",
    "atomic_folder",
    "check_free_space",
    "read_json",
    "read_tensors",
    "storage_errors",
    "verify_folder",
    "write_json",
    "write_tensors",
]
