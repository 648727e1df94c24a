"""ONNX files as a frozen backbone."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from torch import nn

from unbraid.adapters.backbones.onnx.config import OnnxConfig
from unbraid.adapters.backbones.onnx.model import OnnxDecoder, OnnxEncoder, OnnxModule
from unbraid.core.artefacts import read_json
from unbraid.core.bundle.rules import file_violations
from unbraid.core.errors import ArtefactError
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec, LatentSpec

IMAGE, LATENT = "image", "latent"
#: Files of a converted folder.
ENCODER, DECODER, STATEMENT = "encoder.onnx", "decoder.onnx", "config.json"
FORMAT = "unbraid-onnx"
STATED = ("licence", "source", "trained_on")
PLACES = ("weights", "decoder", "threads", *STATED)


class OnnxBackbone(Backbone):
    """A backbone whose graphs are the files it was made from, byte for byte."""

    def graph(self, stage: Literal["encode", "decode"]) -> nn.Module | bytes:
        """Give the file of a stage."""
        if stage == "decode":
            self.info.require("decode", by="the decode graph")
        part = self.encoder if stage == "encode" else self.decoder
        assert isinstance(part, OnnxModule)
        return part.data


def load(config: OnnxConfig) -> Backbone:
    """Make the backbone; both files are held to the rules of bundles before onnxruntime sees them.

    Raises:
        ArtefactError: a file is missing or damaged, has a fixed batch size, other names, operators a bundle may not
            have, or weights in other files.
    """
    config = _unfolded(config)
    data = {part: _read(path) for part, path in (("encode", config.weights), ("decode", config.decoder)) if path}
    image, latent = _shapes(config.weights, data["encode"])
    _check(config.weights, data["encode"], {IMAGE: image}, {LATENT: latent})
    decoder = None
    if config.decoder is not None:
        _check(config.decoder, data["decode"], {LATENT: latent}, {IMAGE: image})
        decoder = OnnxDecoder(data["decode"], LATENT, IMAGE, config.threads)
    encoder = OnnxEncoder(data["encode"], IMAGE, LATENT, config.threads)
    places = {"weights": _place(config.weights), "decoder": _place(config.decoder) if config.decoder else None}
    info = BackboneInfo(
        adapter="onnx",
        input=ImageSpec(*image),
        latent=LatentSpec(latent),
        inverse="amortised" if decoder else "none",
        capabilities=frozenset({"decode"} if decoder else ()),
        config={**{name: getattr(config, name) for name in PLACES}, **places},
        places=PLACES,
        licence=config.licence,
        source=config.source or Path(config.weights).name,
        trained_on=config.trained_on,
    )
    return OnnxBackbone(encoder, decoder, info)


def _unfolded(config: OnnxConfig) -> OnnxConfig:
    """Name the files of a converted folder, and what it states of them where the config says nothing."""
    folder = Path(config.weights)
    if not folder.is_dir():
        return config
    statement = read_json(folder / STATEMENT) if (folder / STATEMENT).is_file() else {}
    stated: dict[str, Any] = {name: getattr(config, name) or str(statement.get(name, "")) for name in STATED}
    decoder = folder / DECODER
    found = str(decoder) if decoder.is_file() else None
    return replace(config, weights=str(folder / ENCODER), decoder=config.decoder or found, **stated)


def _read(path: str) -> bytes:
    file = Path(path)
    if not file.is_file():
        raise ArtefactError("there is no such ONNX file", expected="a .onnx file", found=path)
    return file.read_bytes()


def _place(path: str) -> str:
    return str(Path(path).resolve())


def _shapes(path: str, data: bytes) -> tuple[tuple[int, int, int], tuple[int, ...]]:
    """Read the shapes of image and latent off the encoder's file, without the batch dimension."""
    try:
        model = onnx.load_from_string(data)
    except DecodeError as error:
        raise ArtefactError(
            f"{path} is no ONNX file", expected="ONNX", found=f"{len(data)} bytes: {error}", hint="export it again"
        ) from error
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = {value.name: value for value in model.graph.input if value.name not in stored}
    outputs = {value.name: value for value in model.graph.output}
    if set(inputs) != {IMAGE} or set(outputs) != {LATENT}:
        raise ArtefactError(
            f"{path} has other inputs and outputs than an encoder",
            expected=f"input {IMAGE}, output {LATENT}",
            found=f"input {', '.join(inputs) or 'none'}, output {', '.join(outputs) or 'none'}",
            hint="`unbraid backbone convert onnx ENCODER [DECODER] --out FOLDER` renames them",
        )
    image, latent = (_inner(side) for side in (inputs[IMAGE], outputs[LATENT]))
    if len(image) != 3 or len(latent) not in (1, 3) or 0 in (*image, *latent):
        raise ArtefactError(
            f"{path} has shapes that are no image and latent",
            expected="image batch x C x H x W, latent batch x D or batch x C x H x W, all but the batch fixed",
            found=f"image {_text(image)}, latent {_text(latent)}",
        )
    return (image[0], image[1], image[2]), latent


def _inner(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    return tuple(int(d.dim_value) for d in list(value.type.tensor_type.shape.dim)[1:])


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(["batch", *(str(n) if n else "?" for n in shape)])


def _check(path: str, data: bytes, inputs: dict[str, tuple[int, ...]], outputs: dict[str, tuple[int, ...]]) -> None:
    """Hold a file to the rules of bundles: exports copy it verbatim."""
    name = "encode" if IMAGE in inputs else "decode"
    for broken in file_violations(name, data, inputs=inputs, outputs=outputs):
        problem = f"{path} cannot be a backbone: {broken.problem}"
        raise ArtefactError(problem, expected=broken.expected, found=broken.found, hint=broken.hint)
