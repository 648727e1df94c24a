"""From a published pair of `.pth` files to weights the adapter loads."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from unbraid.adapters.backbones.two_code.adapter import NAME
from unbraid.adapters.backbones.two_code.config import Architecture
from unbraid.adapters.backbones.two_code.model import build
from unbraid.core.checkpoints import Statement, check_count, read_checkpoint, sha256_of
from unbraid.core.config import config_to_dict
from unbraid.core.errors import ArtefactError
from unbraid.core.weights import fill, save_weights

#: SHA-256 of the published encoders: github.com/ananyahjha93, cycle-consistent-vae, its re-implementation of Mathieu
#: et al., and challenges-in-disentangling.
PUBLISHED = {
    "3e39cc016c1b5e362070a9ca4132e9fb82fcb0c9e2fe4f3041ebd59dd78fdca7": "cycle-vae",
    "1a5e9b54c377fc8eae637e07d907f3b8cef72ef7157771a05ae7bf86744d0a78": "mathieu",
    "b8403e604231b925d70c67266555fb50745d3a3a9c254eb44a066bef237c6ee9": "szabo",
}
_KNOWN = Statement(licence="MIT", source="github.com/ananyahjha93", trained_on="mnist:train")

#: Part of a published name -> ours. The three projects name the same layers differently.
_LAYERS = {
    "conv_model.convolution_1.": "stages.0.",
    "conv_model.convolution_2.": "stages.3.",
    "conv_model.convolution_3.": "stages.6.",
    "deconv_model.deconvolution_1.": "stages.0.",
    "deconv_model.deconvolution_2.": "stages.3.",
    "deconv_model.deconvolution_3.": "stages.6.",
    "varying_factor_mu.": "unspecified.",
    "varying_factor_logvar.": "log_variance.",
    "varying_factor.": "unspecified.",
    "common_factor.": "specified.",
    "style_mu.": "unspecified.",
    "style_logvar.": "log_variance.",
    "style_input.": "unspecified.",
    "class_output.": "specified.",
    "class_input.": "specified.",
    "fully_connected_varying_factor.": "unspecified.",
    "fully_connected_common_factor.": "specified.",
}
#: Layer that tells the three projects apart -> slopes of their decoders, on the codes and between the maps. The
#: published code of cycle-VAE has 0.2 twice, but its published weights give digits back only with plain rectifiers
#: (mean squared error 0.028 instead of 0.053).
_SLOPES = {
    "varying_factor_mu.bias": (0.0, 0.0),
    "style_mu.bias": (0.2, 0.2),
    "fully_connected_varying_factor.bias": (1.0, 0.0),
}
#: Running statistics that no network ever used.
_UNUSED = (".running_mean", ".running_var", ".num_batches_tracked")


def convert(files: Sequence[Path], out: Path, *, statement: Statement) -> Path:
    """Convert an encoder and its decoder.

    Args:
        files: `encoder.pth`, then `decoder.pth`.
        out: folder to write.
        statement: licence and training data; those of the published files are known by their hash.

    Returns:
        The folder.

    Raises:
        ArtefactError: a file is missing, damaged, more than tensors, or of another network.
        ConfigError: not two files.
    """
    check_count("two_code", files, "two .pth files: the encoder, then the decoder", 2)
    encoder, decoder = (read_checkpoint(file) for file in files)
    architecture = _architecture(encoder, files[0])
    tensors = {**_renamed(encoder, "encoder."), **_renamed(decoder, "decoder.")}
    fill(build(architecture), tensors, " and ".join(map(str, files)))
    stated = statement.over(_KNOWN) if sha256_of(files[0]) in PUBLISHED else statement
    return save_weights(stated.weights(NAME, tensors, config_to_dict(architecture)), out)


def _renamed(state: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {part + _our_name(name): tensor for name, tensor in state.items() if not name.endswith(_UNUSED)}


def _our_name(name: str) -> str:
    """Give our name of a tensor; one that no project has stays, and does not fit.

    >>> _our_name("style_mu.weight")
    'unspecified.weight'
    """
    layer = next((layer for layer in _LAYERS if name.startswith(layer)), "")
    return _LAYERS.get(layer, "") + name.removeprefix(layer)


def _architecture(encoder: Mapping[str, Tensor], file: Path) -> Architecture:
    layer = next((layer for layer in _SLOPES if layer in encoder), None)
    biases = {_our_name(name): len(tensor) for name, tensor in encoder.items() if name.endswith(".bias")}
    if layer is None or "specified.bias" not in biases:
        raise ArtefactError(
            f"{file} is no encoder with two codes",
            expected=f"one of {', '.join(_SLOPES)}, and the head of the specified code",
            found=", ".join(sorted(encoder)[:4]),
            hint="the encoder comes first",
        )
    code_slope, map_slope = _SLOPES[layer]
    return Architecture(
        unspecified=biases["unspecified.bias"],
        specified=biases["specified.bias"],
        stochastic="log_variance.bias" in biases,
        code_slope=code_slope,
        map_slope=map_slope,
    )
