"""Backbones whose ONNX graphs are made once: methods are exported many times on the same few toys."""

from typing import Literal

from torch import nn

from unbraid.core.export import to_onnx
from unbraid.core.interfaces import Backbone, Graph

_Stage = Literal["encode", "decode"]
#: Fingerprint and stage -> the file.
_files: dict[tuple[str, _Stage], bytes] = {}


class ExportedOnce(Backbone):
    """A backbone that gives its graphs as files, made when the first of the same weights is exported."""

    def graph(self, stage: _Stage) -> nn.Module | bytes:
        """Give the bytes of the ONNX file of a stage."""
        key = (self.fingerprint, stage)
        if key not in _files:
            module = super().graph(stage)
            assert isinstance(module, nn.Module)
            image, latent = {"image": self.info.input.shape}, {"latent": self.info.latent.shape}
            given, wanted = (image, latent) if stage == "encode" else (latent, image)
            _files[key] = to_onnx(stage, Graph(module, given, wanted))
        return _files[key]
