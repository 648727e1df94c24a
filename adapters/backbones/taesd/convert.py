"""From the author's pair of `.pth` files to weights the adapter loads."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from unbraid.adapters.backbones.taesd.adapter import NAME
from unbraid.adapters.backbones.taesd.config import Architecture
from unbraid.adapters.backbones.taesd.model import build
from unbraid.core.checkpoints import Statement, check_count, read_checkpoint, sha256_of
from unbraid.core.config import config_to_dict
from unbraid.core.errors import ArtefactError
from unbraid.core.weights import fill, save_weights

#: SHA-256 of encoders whose origin is known.
PUBLISHED = {"10a4e1021e89d7551eaf161352da8dbd0b1aa83872ae28b150c1df1ce2f147b6": "taef2"}
_KNOWN = Statement(licence="MIT; check the licence of the distilled teacher too", source="github.com/madebyollin/taesd")


def convert(files: Sequence[Path], out: Path, *, statement: Statement) -> Path:
    """Convert an encoder and its decoder; half precision becomes float32, which changes no value.

    Args:
        files: `*_encoder.pth`, then `*_decoder.pth`.
        out: folder to write.
        statement: licence and training data; the licence of files of known hash is filled in.

    Returns:
        The folder.

    Raises:
        ArtefactError: a file is missing, damaged, more than tensors, or of another network.
        ConfigError: not two files.
    """
    check_count("taesd", files, "two .pth files: the encoder, then the decoder", 2)
    parts = {name: read_checkpoint(file) for name, file in zip(("encoder", "decoder"), files, strict=True)}
    architecture = _architecture(parts["encoder"], files[0])
    tensors = {f"{part}.layers.{n}": tensor.float() for part, state in parts.items() for n, tensor in state.items()}
    fill(build(architecture), tensors, " and ".join(map(str, files)))
    stated = statement.over(_KNOWN) if sha256_of(files[0]) in PUBLISHED else statement
    return save_weights(stated.weights(NAME, tensors, config_to_dict(architecture)), out)


def _architecture(encoder: Mapping[str, Tensor], file: Path) -> Architecture:
    last = "14.bias"
    if last not in encoder or encoder["0.weight"].shape[1] != 3:
        raise ArtefactError(
            f"{file} is no encoder of the TAESD family",
            expected=f"15 layers, the last one {last}, for images of 3 channels",
            found=", ".join(sorted(encoder)[:4]),
            hint="the encoder comes first",
        )
    return Architecture(latent_channels=len(encoder[last]), pooled="11.pool.0.weight" in encoder)
