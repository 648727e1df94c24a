"""The embeddings of few-shot heads: the latent itself, a linear map, an MLP, or the convolutions of the papers."""

from collections.abc import Sequence

from torch import nn

from unbraid.core.interfaces import LatentSpec
from unbraid.core.nn.convolutions import pooled
from unbraid.core.nn.initialisers import initialise
from unbraid.core.nn.mlp import MLP

#: Stages of the convolutional embedding, each of which halves a map, and the smallest map that leaves one position.
EMBEDDING_STAGES = 4
EMBEDDING_SIDE = 2**EMBEDDING_STAGES


def row_embedding(
    network: str, seen: int, hidden: Sequence[int], width: int, *, dropout: float
) -> tuple[nn.Module, int]:
    """Make an embedding of rows `(B, seen)`, and say how wide it is.

    Args:
        network: `raw` is the row itself, `linear` has no hidden layer, anything else is an MLP.
        seen: numbers in a row.
        hidden: widths of the hidden layers of an MLP.
        width: of the embedding, unless it is raw.
        dropout: probability, before every linear layer.

    >>> row_embedding("linear", 8, (256,), 64, dropout=0.0)[0][0]
    Linear(in_features=8, out_features=64, bias=True)
    """
    if network == "raw":
        return nn.Identity(), seen
    layers = MLP((seen, *(() if network == "linear" else hidden), width), dropout=dropout)
    initialise(layers, "glorot")
    return layers, width


def convolutional_embedding(latent: LatentSpec, channels: int) -> tuple[nn.Module, int]:
    """Make the embedding of Vinyals et al. 2016 and Snell et al. 2017, and say how wide it is.

    Four stages of convolution 3 x 3, batch norm, ReLU and max pool 2: with 64 channels 28 x 28 becomes 64 numbers, and
    84 x 84 becomes 1,600.

    Args:
        latent: of maps of 16 x 16 or more.
        channels: of every stage.

    Returns:
        Flattened latents `(B, C * H * W)` -> embeddings `(B, width)`, and that width.

    >>> convolutional_embedding(LatentSpec((3, 84, 84)), 64)[1]
    1600
    """
    colours, height, width = latent.shape
    stages = pooled((colours, *[channels] * EMBEDDING_STAGES), norm=True)
    network = nn.Sequential(nn.Unflatten(1, latent.shape), *stages, nn.Flatten())
    initialise(network, "glorot")
    return network, channels * (height // EMBEDDING_SIDE) * (width // EMBEDDING_SIDE)
