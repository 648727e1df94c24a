"""Settings of the adapter; imports no torch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxConfig:
    """Settings of `load_backbone("onnx", ...)`.

    Args:
        weights: file of the encoder, with an input `image`, `(batch, C, H, W)` float32 in [0, 1], and an output
            `latent`; or the folder that `unbraid backbone convert onnx` wrote, which holds the decoder too.
        decoder: file with an input `latent` and an output `image`; None where there is none.
        threads: onnxruntime uses for one call.
        licence, source, trained_on: stated in heads, bundles and reports; `trained_on` is `dataset:split`.
    """

    weights: str
    decoder: str | None = None
    threads: int = 1
    licence: str = ""
    source: str = ""
    trained_on: str = ""
