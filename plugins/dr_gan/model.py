"""The head of DR-GAN."""

from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor

from unbraid.core.errors import LabelError
from unbraid.core.interfaces import (
    Backbone,
    Disentangler,
    Factor,
    LabelSpec,
    LatentSpec,
    Objective,
    only,
)
from unbraid.core.latents import Latents
from unbraid.core.nn import Standardise, recalibrate_batch_norm, require_narrow, rows_at_once, takes_convolutions
from unbraid.core.nn.labelled import lower_unseen
from unbraid.plugins.dr_gan.config import DRGANConfig
from unbraid.plugins.dr_gan.discriminator import Discriminator
from unbraid.plugins.dr_gan.losses import Game
from unbraid.plugins.dr_gan.networks import SMALLEST, convolutional, fully_connected

#: Roles of the two labels, by the names of their factors.
LABELS = {"identity": "content", "pose": "style"}
#: Rows that batch norm takes its final statistics from: they are walked over once for each of its forty layers.
STATISTICS = 512


class DRGAN(Disentangler):
    """DR-GAN of latents (Tran et al. 2017): an identity code, and a pose that is stated, not encoded.

    `identity` is what the encoder keeps; `pose` names one of the poses of the training rows. Nothing that varies within
    a pose has a place, so latents do not come back as they were: see the method's page.

    Args:
        config: settings.
        latent: shape of the frozen latents; maps are flattened.
        identities, poses: classes of the content and of the style label.

    Raises:
        CapabilityError: the latent is too wide for fully connected networks, or convolutions are asked for and do not
            fit it.

    >>> head = DRGAN(DRGANConfig(identity=5), LatentSpec((16,)), identities=10, poses=3)
    >>> {name: tuple(f.shape) for name, f in head.disentangle(torch.zeros(4, 16)).items()}
    {'identity': (4, 5), 'pose': (4, 3)}
    """

    capabilities = frozenset({"entangle"})
    train_only = ("discriminator",)
    monitor = "few_shot"  # the losses of players say nothing
    poses: Tensor

    def __init__(self, config: DRGANConfig, latent: LatentSpec, identities: int, poses: int) -> None:
        super().__init__()
        self.convolves = takes_convolutions(config.network, latent, SMALLEST, by="dr_gan")
        if not self.convolves:
            require_narrow(latent, by="dr_gan")
        self.config = config
        self.latent = latent
        self.steps = config.steps
        self.factors = (
            Factor("identity", (config.identity,), "content", "content"),
            Factor("pose", (poses,), "style", "style", "categorical"),
        )
        as_it_is = self.convolves and latent.is_picture
        self.standardise = Standardise(latent, "none" if as_it_is else config.standardise)
        self.encoder, self.decoder, self.reader, judge = (
            convolutional(config, latent, identities, poses)
            if self.convolves
            else fully_connected(config, latent.width, identities, poses)
        )
        self.discriminator = Discriminator(judge, identities, config.verdict)
        self.register_buffer("poses", torch.ones(poses, dtype=torch.bool))

    @classmethod
    def build(cls, config: DRGANConfig, latents: Mapping[str, LatentSpec], labels: Mapping[str, LabelSpec]) -> Self:
        """Make an untrained head for the classes of the content and the style label.

        Raises:
            LabelError: the data lack one of them.
        """
        for factor, role in LABELS.items():
            if role not in labels:
                raise LabelError(
                    f"dr_gan is told {factor} by a {role} label",
                    expected="labels of content and style",
                    found=", ".join(labels) or "no labels",
                    hint="cycle_vae and fden need no style label",
                )
        return cls(config, only(latents), labels["content"].count, labels["style"].count)

    def prepare(self, latents: Mapping[str, Latents]) -> None:
        """Fit the standardisation, and see which poses there are to draw.

        Raises:
            LabelError: no training row has a label of identity, or of pose.
        """
        training: Latents = only(latents)
        self.standardise.fit(training)
        for factor, role in LABELS.items():
            if not (training.label(role) >= 0).any():
                expected = f"training rows with a {role} label"
                raise LabelError(f"dr_gan is told {factor}", expected=expected, found="none, all are missing")
        pose = training.label("style")
        self.poses.copy_(pose[pose >= 0].bincount(minlength=len(self.poses)) > 0)

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give the discriminator, the generator and the reader."""
        return Game(self).objectives()

    def finish(self, latents: Mapping[str, Latents]) -> None:
        """Set batch-norm statistics to those of the finished networks on 512 training latents; MLPs have none."""
        if not self.convolves:
            return
        training: Latents = only(latents)
        rows = torch.linspace(0, len(training) - 1, min(STATISTICS, len(training)), device=training.device)
        few = training.subset(rows.long())
        size = rows_at_once(self.latent)
        recalibrate_batch_norm(self, lambda: (self.entangle(self.disentangle(z)) for z in few.chunks(size)))

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Split latents `(B, *latent)` into the identity code, and the probabilities of poses `(B, P)`."""
        x = self.standardised(z)
        return {"identity": self.encoder(x), "pose": self.pose_logits(x).softmax(1)}

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Give latents `(B, *latent)` of identities in poses, with the noise at its mean."""
        code = factors["identity"]
        made = self.join(code, factors["pose"], code.new_zeros(len(code), self.config.noise))
        return self.standardise.inverse(made.view(-1, *self.latent.shape))

    def standardised(self, z: Tensor) -> Tensor:
        """Give latents `(B, *latent)` as the networks see them, `(B, D)`."""
        flat: Tensor = self.standardise(z)
        return flat.flatten(1)

    def pose_logits(self, standardised: Tensor) -> Tensor:
        """Give the logits of poses, `(B, P)`; those without training rows come last."""
        return lower_unseen(self.reader(standardised), self.poses)

    def join(self, identity: Tensor, pose: Tensor, noise: Tensor) -> Tensor:
        """Give standardised latents `(B, D)` of codes `(B, identity)`, poses `(B, P)` and noise `(B, N)`."""
        made: Tensor = self.decoder(torch.cat([identity, pose, noise], 1))
        return made
