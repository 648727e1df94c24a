"""The layers of ALI and BiGAN as data, row by row as the papers print them; imports no torch."""

from dataclasses import dataclass

from unbraid.adapters.backbones.ali.config import Architecture


@dataclass(frozen=True, slots=True)
class Row:
    """One convolution of a table.

    Args:
        kernel, stride: of the convolution.
        maps: channels it gives.
        norm: batch norm behind it.
        bias: one number a channel, where there is no batch norm to undo it.
        padding: on each side.
    """

    kernel: int
    stride: int
    maps: int
    norm: bool = True
    bias: bool = False
    padding: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """All networks of one table; an activation follows every row but the last of encoder, decoder and joint part.

    Args:
        encoder: of pictures; the last row, to mean and log-standard-deviation, is implied.
        decoder: of latents, transposed convolutions; the last row, to pictures, is `last`.
        last: kernel, stride and padding of the decoder's last row, which has a bias a pixel; a kernel of 1 is a plain
            convolution.
        picture: the part of the discriminator that sees pictures; none leaves the pixels as they are.
        latent: widths of the part that sees latents; none leaves them as they are.
        joint: widths of the part that sees both, without the last, which is one number.
        joint_norm: batch norm on the last of them.
        latent_bias: whether the part that sees latents has biases.
        slope: of the leaky ReLU below zero.
        decoder_slope: the same in the decoder.
        pieces: linear pieces of the discriminator's maxout; 1 is leaky ReLU.
        dropout: on the inputs of the discriminator's rows: the first of the parts that see pictures or latents, the others
            of those parts, and all of the joint part.
    """

    encoder: tuple[Row, ...]
    decoder: tuple[Row, ...]
    last: Row
    picture: tuple[Row, ...]
    latent: tuple[int, ...]
    joint: tuple[int, ...]
    joint_norm: bool = False
    latent_bias: bool = False
    slope: float
    decoder_slope: float
    pieces: int = 1
    dropout: tuple[float, float, float] = (0.0, 0.0, 0.0)


def layers_of(architecture: Architecture) -> Layers:
    """Give the layers of an architecture."""
    if architecture.table == "small":
        return _small(architecture)
    return {"mnist": _mnist, "svhn": _svhn, "cifar10": _cifar10, "celeba": _celeba}[architecture.table](architecture)


def _svhn(architecture: Architecture) -> Layers:
    """Dumoulin et al. 2017, table 2; also the model FDEN trains on Omniglot, with one channel."""
    return Layers(
        encoder=(Row(5, 1, 32), Row(4, 2, 64), Row(4, 1, 128), Row(4, 2, 256), Row(4, 1, 512), Row(1, 1, 512)),
        decoder=(Row(4, 1, 256), Row(4, 2, 128), Row(4, 1, 64), Row(4, 2, 32), Row(5, 1, 32), Row(1, 1, 32)),
        last=Row(1, 1, architecture.channels, norm=False),
        picture=(Row(5, 1, 32, norm=False, bias=True), Row(4, 2, 64), Row(4, 1, 128), Row(4, 2, 256), Row(4, 1, 512)),
        latent=(512, 512),
        joint=(1024, 1024),
        slope=0.01,
        decoder_slope=0.01,
        dropout=(0.2, 0.2, 0.2),
    )


def _cifar10(architecture: Architecture) -> Layers:
    """Dumoulin et al. 2017, table 1."""
    return Layers(
        encoder=(Row(5, 1, 32), Row(4, 2, 64), Row(4, 1, 128), Row(4, 2, 256), Row(4, 1, 512), Row(1, 1, 512)),
        decoder=(Row(4, 1, 256), Row(4, 2, 128), Row(4, 1, 64), Row(4, 2, 32), Row(5, 1, 32), Row(1, 1, 32)),
        last=Row(1, 1, architecture.channels, norm=False),
        picture=(
            Row(5, 1, 32, norm=False, bias=True),
            Row(4, 2, 64, norm=False),
            Row(4, 1, 128, norm=False),
            Row(4, 2, 256, norm=False),
            Row(4, 1, 512, norm=False),
        ),
        latent=(512, 512),
        joint=(1024, 1024),
        slope=0.1,
        decoder_slope=0.1,
        pieces=2,
        dropout=(0.2, 0.5, 0.5),
    )


def _celeba(architecture: Architecture) -> Layers:
    """Dumoulin et al. 2017, table 3; also the model FDEN trains on its 64-pixel sets."""
    return Layers(
        encoder=(Row(2, 1, 64), Row(7, 2, 128), Row(5, 2, 256), Row(7, 2, 256), Row(4, 1, 512)),
        decoder=(Row(4, 1, 512), Row(7, 2, 256), Row(5, 2, 256), Row(7, 2, 128), Row(2, 1, 64)),
        last=Row(1, 1, architecture.channels, norm=False),
        picture=(Row(2, 1, 64), Row(7, 2, 128), Row(5, 2, 256), Row(7, 2, 256), Row(4, 1, 512)),
        latent=(1024, 1024),
        joint=(2048, 2048),
        slope=0.02,
        decoder_slope=0.02,
        dropout=(0.2, 0.2, 0.2),
    )


def _mnist(architecture: Architecture) -> Layers:
    """Donahue et al. 2017, permutation-invariant MNIST: a kernel as large as the picture is a linear layer."""
    side = architecture.size
    return Layers(
        encoder=(Row(side, 1, 1024, norm=False, bias=True), Row(1, 1, 1024)),
        decoder=(Row(1, 1, 1024), Row(1, 1, 1024)),
        last=Row(side, 1, architecture.channels, norm=False),
        picture=(),
        latent=(),
        joint=(1024, 1024),
        joint_norm=True,
        slope=0.2,
        decoder_slope=0.0,
    )


def _small(architecture: Architecture) -> Layers:
    """Two halvings and a linear layer, mirrored; for grey pictures of 28 or 32 pixels on a CPU."""
    base, quarter = architecture.base, architecture.size // 4
    halvings = (Row(4, 2, base, padding=1), Row(4, 2, 2 * base, padding=1), Row(quarter, 1, 8 * base))
    plain = tuple(Row(row.kernel, row.stride, row.maps, False, True, row.padding) for row in halvings)
    return Layers(
        encoder=halvings,
        decoder=(Row(1, 1, 8 * base), Row(quarter, 1, 2 * base), Row(4, 2, base, padding=1)),
        last=Row(4, 2, architecture.channels, norm=False, padding=1),
        picture=plain,
        latent=(8 * base, 8 * base),
        latent_bias=True,
        joint=(8 * base, 8 * base),
        slope=0.1,
        decoder_slope=0.1,
    )
