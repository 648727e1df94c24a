"""Encoders and decoders that onnxruntime runs."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unbraid.core.interfaces import Decoder, Encoder, Posterior
from unbraid.core.serving.session import open_session, run_session

#: What a session is kept under in `__dict__`; copies and pickles leave it behind.
SESSION = "_session"


class OnnxModule(nn.Module):
    """A graph with one input and one output; its file is a buffer, so that fingerprint and frozen guard cover it.

    Args:
        data: the bytes of the file.
        given, wanted: names of the input and the output.
        threads: onnxruntime uses for one call.
    """

    file: Tensor

    def __init__(self, data: bytes, given: str, wanted: str, threads: int) -> None:
        super().__init__()
        self.register_buffer("file", torch.frombuffer(bytearray(data), dtype=torch.uint8))
        self.given, self.wanted, self.threads = given, wanted, threads

    @property
    def data(self) -> bytes:
        """The bytes of the file, as they were given."""
        return bytes(self.file.cpu().numpy())

    def run(self, x: Tensor) -> Tensor:
        """Run a batch `(B, *shape)`, on the CPU; the result is where the input was, and has no gradient."""
        if SESSION not in self.__dict__:
            self.__dict__[SESSION] = open_session(self.data, threads=self.threads)
        array = x.detach().cpu().numpy().astype(np.float32, copy=False)
        found = run_session(self.__dict__[SESSION], {self.given: array}, [self.wanted])[self.wanted]
        return torch.from_numpy(np.array(found)).to(x.device)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != SESSION}


class OnnxEncoder(OnnxModule, Encoder):
    """Images `(B, C, H, W)` in [0, 1] -> latents `(B, *latent)`."""

    def forward(self, x: Tensor) -> Posterior:
        """Encode a batch of images."""
        return Posterior(self.run(x))


class OnnxDecoder(OnnxModule, Decoder):
    """Latents `(B, *latent)` -> images `(B, C, H, W)` in [0, 1]."""

    def forward(self, z: Tensor) -> Tensor:
        """Decode a batch of latents."""
        return self.run(z)
