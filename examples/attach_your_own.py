"""Attach FDEN to a model Unbraid has never heard of: a published MNIST VAE (Dubois et al., Disentangling VAE, MIT).

UNBRAID_DATA names a folder with `models/burgess-vae` (weights) and `mnist` (pictures, and QMNIST labels that name the
writer of every digit). Takes a few minutes on a CPU. What to see in the table: digits leak from style far less than
they did, but five training digits are too few for identity to carry over to new ones.
"""

import gzip
import os
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import unbraid


def networks() -> tuple[nn.Sequential, nn.Sequential]:
    """Build encoder and decoder as their authors did: three strided convolutions, three linear layers, and back."""
    down = [layer for c in (1, 32, 32) for layer in (nn.Conv2d(c, 32, 4, 2, 1), nn.ReLU())]
    narrow = [nn.Flatten(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 20)]
    widen = [layer for i, o in ((10, 256), (256, 256), (256, 512)) for layer in (nn.Linear(i, o), nn.ReLU())]
    up = [layer for c in (32, 32, 1) for layer in (nn.ConvTranspose2d(32, c, 4, 2, 1), nn.ReLU())][:-1]
    return nn.Sequential(*down, *narrow), nn.Sequential(*widen, nn.Unflatten(1, (32, 4, 4)), *up, nn.Sigmoid())


def interleaved(output: Tensor) -> tuple[Tensor, Tensor]:
    """Read the encoder's 20 numbers as ten pairs of mean and log-variance."""
    return output.view(-1, 10, 2)[..., 0], output.view(-1, 10, 2)[..., 1]


def frozen_vae(data: Path) -> unbraid.Backbone:
    """Load the published weights and freeze them: all that attaching a model of your own takes."""
    state = torch.load(data / "models" / "burgess-vae" / "VAE_mnist.pt", weights_only=True)
    encoder, decoder = networks()
    for prefix, network in (("encoder.", encoder), ("decoder.", decoder)):
        weights = [tensor for name, tensor in state.items() if name.startswith(prefix)]  # in the order of the layers
        network.load_state_dict(dict(zip(network.state_dict(), weights, strict=True)))
    return unbraid.freeze(
        encoder,
        decoder,
        input=(1, 32, 32),
        posterior=interleaved,
        licence="MIT",
        source="github.com/YannDubs/disentangling-vae",
        trained_on="mnist:train",
    )


def digits_by_writer(data: Path) -> unbraid.Dataset:
    """Read the 10,000 test digits, which the VAE was not trained on: content is the digit, style the writer."""
    names = ("t10k-images-idx3-ubyte.gz", "qmnist-test-labels-idx2-int.gz")
    pixels, table = (gzip.decompress((data / "mnist" / name).read_bytes()) for name in names)
    images = torch.from_numpy(np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 1, 28, 28) / 255)
    images = (F.interpolate(images, 32, mode="bilinear") * 255).round().byte()
    labels = np.frombuffer(table, ">i4", offset=12).reshape(-1, 8)[: len(images)]
    writers, writer = np.unique(labels[:, 2], return_inverse=True)
    return unbraid.Dataset(
        name="mnist-test-by-writer",
        images=images.numpy(),
        content=unbraid.LabelSpec("digit", tuple("0123456789")),
        style=unbraid.LabelSpec("writer", tuple(map(str, writers))),
        labels={"content": labels[:, 0].astype(np.int64), "style": writer.astype(np.int64)},
        splits={
            "content": {"train": (0, 1, 2, 3, 4), "validation": (5, 6), "test": (7, 8, 9)},
            "style": {"train": tuple(range(200)), "validation": tuple(range(200, 230)), "test": tuple(range(230, 297))},
        },
    )


def main(steps: int | None = None) -> None:
    """Freeze, attach, fit, measure."""
    if "UNBRAID_DATA" not in os.environ:
        sys.exit("UNBRAID_DATA is not set: it should name the folder with models/burgess-vae and mnist")
    data = Path(os.environ["UNBRAID_DATA"])
    digits = digits_by_writer(data)
    model = unbraid.attach("fden", frozen_vae(data))
    model.fit(digits, steps=steps)
    print(model.evaluate(digits, metrics={"few_shot": {"ways": 3}, "probes": {}, "reconstruction": {}}).table())


if __name__ == "__main__":
    main()
