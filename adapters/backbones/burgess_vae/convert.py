"""From a published `.pt` file to weights the adapter loads."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from unbraid.adapters.backbones.burgess_vae.adapter import NAME
from unbraid.adapters.backbones.burgess_vae.config import Architecture
from unbraid.adapters.backbones.burgess_vae.model import build
from unbraid.adapters.backbones.burgess_vae.published import known
from unbraid.core.checkpoints import Statement, check_count, read_checkpoint
from unbraid.core.config import config_to_dict
from unbraid.core.errors import ArtefactError
from unbraid.core.weights import fill, save_weights


def convert(files: Sequence[Path], out: Path, *, statement: Statement) -> Path:
    """Convert one checkpoint: encoder and decoder in one state dict.

    Args:
        files: the one `.pt` file.
        out: folder to write.
        statement: licence and training data; those of the published files are known by their hash.

    Returns:
        The folder.

    Raises:
        ArtefactError: the file is missing, damaged, more than tensors, or of another network.
        ConfigError: not one file.
    """
    check_count("burgess_vae", files, "one .pt file that holds encoder and decoder", 1)
    tensors = read_checkpoint(files[0])
    architecture = architecture_of(tensors, files[0])
    fill(build(architecture), tensors, str(files[0]))
    stated = statement.over(known(files[0]))
    return save_weights(stated.weights(NAME, tensors, config_to_dict(architecture)), out)


def architecture_of(tensors: Mapping[str, Tensor], file: Path) -> Architecture:
    """Read the architecture off the shapes of the tensors.

    Raises:
        ArtefactError: they are of another network.
    """
    try:
        channels = tensors["encoder.conv1.weight"].shape[1]
        width = tensors["encoder.mu_logvar_gen.bias"].shape[0] // 2
    except (KeyError, IndexError) as error:
        raise ArtefactError(
            f"{file} is no Burgess VAE",
            expected="tensors encoder.conv1.weight and encoder.mu_logvar_gen.bias",
            found=", ".join(sorted(tensors)[:4]),
        ) from error
    size = 64 if "encoder.conv_64.weight" in tensors else 32
    return Architecture(channels=channels, size=size, width=width)
