"""Backbones that Unbraid trains itself, as bundles: encode and decode in ONNX Runtime against the live backbone."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch

import unbraid
from unbraid.core.catalogue import load_backbone
from unbraid.core.export.conversion import to_onnx
from unbraid.core.interfaces import Graph

CASES = [
    ("ali", {"size": 8, "width": 6, "base": 4}),
    ("ali", {"table": "svhn", "channels": 1}),
    ("bigan", {"size": 12, "width": 6, "base": 4, "channels": 3}),
    ("bigan", {"table": "mnist"}),
    ("pixels", {"channels": 3, "size": 8}),
    ("flow", {"size": 8, "steps": 2, "hidden": 8}),
]


@pytest.mark.parametrize(("name", "settings"), CASES, ids=lambda case: case if isinstance(case, str) else "")
def test_encode_and_decode_give_what_the_backbone_gives(name: str, settings: dict[str, Any]) -> None:
    backbone = load_backbone(name, **settings)
    liven(backbone)
    image, latent = {"image": backbone.info.input.shape}, {"latent": backbone.info.latent.shape}
    encode = opened(to_onnx("encode", Graph(backbone.graph("encode"), image, latent)))  # type: ignore[arg-type]
    decode = opened(to_onnx("decode", Graph(backbone.graph("decode"), latent, image)))  # type: ignore[arg-type]
    pictures = torch.rand(5, *backbone.info.input.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        z = backbone.encode(pictures)
        back = backbone.decode(z)
    for rows in (1, 5):
        close(encode.run(["latent"], {"image": pictures[:rows].numpy()})[0], z[:rows])
        close(decode.run(["image"], {"latent": z[:rows].numpy()})[0], back[:rows])


def test_a_head_on_pixels_becomes_a_bundle(tmp_path: Path) -> None:
    """Both graphs of the backbone do next to nothing: none must be lost, or given back without its own name."""
    model = unbraid.attach("fden", load_backbone("pixels", size=8), trunk=(16,), factor_width=4)
    bundle = unbraid.load_bundle(model.export(tmp_path / "bundle").path)
    pictures = np.random.default_rng(0).random((3, 1, 8, 8), np.float32)
    expected = model.transfer(content=torch.from_numpy(pictures), style=torch.from_numpy(pictures[::-1].copy()))
    close(bundle.transfer(content=pictures, style=pictures[::-1].copy()), expected.cpu())


def liven(backbone: unbraid.Backbone) -> None:
    """Give weights and statistics values that an untrained model does not have, so that nothing hides."""
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=g))
        for module in backbone.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                assert module.running_mean is not None and module.running_var is not None
                module.running_mean.normal_(generator=g)
                module.running_var.uniform_(0.5, 2, generator=g)


def close(found: np.ndarray, expected: torch.Tensor) -> None:
    assert found.dtype == np.float32 and found.shape == tuple(expected.shape)
    assert np.abs(found - expected.numpy()).max() <= 1e-5 * max(1.0, float(expected.abs().max()))


def opened(file: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
