"""The table of small backbones that the contract test walks: one line each, named as in `unbraid list backbones`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, eq=False)
class Row:
    """A backbone small enough to export in a test.

    `settings` are those of `load_backbone`, or make them in a folder of their own; `weights` says that it can have
    some; `slow` rows are left to the full run.
    """

    name: str
    settings: dict[str, Any] | Callable[[Path], dict[str, Any]] = field(default_factory=dict)
    label: str = ""
    weights: bool = True
    slow: bool = False

    @property
    def id(self) -> str:
        return f"{self.name}{'-' if self.label else ''}{self.label}"

    def settings_in(self, folder: Path) -> dict[str, Any]:
        return self.settings(folder) if callable(self.settings) else self.settings


def diffusers_kl(folder: Path) -> dict[str, Any]:
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    return saved(folder, "AutoencoderKL", block_out_channels=(8, 16), norm_num_groups=4, sample_size=16, **blocks)


def diffusers_tiny(folder: Path) -> dict[str, Any]:
    widths = {"encoder_block_out_channels": (8, 8), "decoder_block_out_channels": (8, 8)}
    saved(folder, "AutoencoderTiny", num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1), **widths)
    return {"weights": str(folder), "size": 16}


def diffusers_rae(folder: Path) -> dict[str, Any]:
    encoder = {"encoder_type": "dinov2", "encoder_hidden_size": 64, "encoder_num_hidden_layers": 1}
    decoder = {"decoder_hidden_size": 32, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2}
    sizes = {"encoder_patch_size": 8, "encoder_input_size": 32, "patch_size": 4, "image_size": 16}
    return saved(folder, "AutoencoderRAE", **encoder, **decoder, **sizes, decoder_intermediate_size=32)


def saved(folder: Path, name: str, **settings: Any) -> dict[str, Any]:
    """Save a randomly initialised model of diffusers as the library does."""
    import diffusers
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = getattr(diffusers, name)(**settings)
        for parameter in model.parameters():  # biases start at zero and norms at one, which would hide mistakes
            if parameter.ndim == 1:
                parameter.data += 0.1 * torch.randn(parameter.shape)
    model.save_pretrained(folder)
    return {"weights": str(folder)}


def onnx_pair(folder: Path) -> dict[str, Any]:
    write_onnx(folder)
    return {"weights": str(folder / "encoder.onnx"), "decoder": str(folder / "decoder.onnx")}


def onnx_encoder(folder: Path) -> dict[str, Any]:
    write_onnx(folder)
    return {"weights": str(folder / "encoder.onnx")}


def decoded_onnx(folder: Path) -> dict[str, Any]:
    return {"encoder": "onnx", "settings": onnx_encoder(folder), "base": 4}


def write_onnx(folder: Path, given: str = "image", wanted: str = "latent") -> None:
    """An encoder and a decoder of 1 x 8 x 8 pictures and 6 latents, as any exporter might have made them."""
    import torch
    from torch import nn

    from unbraid.core.export import to_onnx
    from unbraid.core.interfaces import Graph

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.Tanh(), nn.Linear(12, 6))
        decoder = nn.Sequential(nn.Linear(6, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))
    image, latent = {given: (1, 8, 8)}, {wanted: (6,)}
    (folder / "encoder.onnx").write_bytes(to_onnx("encode", Graph(encoder, image, latent)))
    (folder / "decoder.onnx").write_bytes(to_onnx("decode", Graph(decoder, latent, image)))


ROWS = (
    Row("vae", {"width": 5, "base": 4, "size": 12}),
    Row("ali", {"size": 8, "width": 6, "base": 4}, slow=True),
    Row("bigan", {"size": 12, "width": 6, "base": 4, "channels": 3}, slow=True),
    Row("pixels", {"channels": 3, "size": 8}, weights=False, slow=True),
    Row("flow", {"size": 8, "steps": 2, "hidden": 8}, slow=True),
    Row("burgess_vae", {"width": 4}, "32"),
    Row("burgess_vae", {"size": 64, "channels": 3}, "64", slow=True),
    Row("two_code", {}, "stochastic"),
    Row("two_code", {"stochastic": False, "unspecified": 3}, "point", slow=True),
    Row("taesd", {"size": 16}, slow=True),
    Row("taesd", {"size": 16, "pooled": True, "latent_channels": 6}, "pooled"),
    Row("autoencoder_kl", diffusers_kl),
    Row("autoencoder_tiny", diffusers_tiny, slow=True),
    Row("autoencoder_rae", diffusers_rae, slow=True),
    Row("timm", {"model": "test_resnet", "size": 20, "channels": 1}, "pooled"),
    Row("timm", {"model": "test_vit", "tap": "tokens"}, "tokens"),
    Row("timm", {"model": "test_convnext", "tap": "map"}, "map", slow=True),
    Row("torchvision", {"model": "squeezenet1_1", "tap": "features", "channels": 1, "size": 40}, "node"),
    Row("torchvision", {"model": "shufflenet_v2_x0_5", "size": 32}, "pooled", slow=True),
    Row("onnx", onnx_pair, "pair"),
    Row("onnx", onnx_encoder, "encoder"),
    Row("decoded", {"encoder": "burgess_vae", "settings": {"width": 3}, "base": 4}),
    Row("decoded", decoded_onnx, "onnx"),
    Row("pixelvae", {"encoder": "vae", "settings": {"width": 5, "base": 4, "size": 8}, "layers": 2, "maps": 4}),
)
