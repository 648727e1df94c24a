"""What DR-GAN declares; imports nothing heavy."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl

#: Sizes of the paper and, on maps, its networks.
PAPER: dict[str, object] = {
    "identity": 320,
    "noise": 50,
    "verdict": "extra_class",
    "network": "auto",
    "rows": 64,
    "steps": 30_000,
}


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(
        name="dr_gan",
        target="unbraid.plugins.dr_gan.model:DRGAN",
        config="unbraid.plugins.dr_gan.config:DRGANConfig",
        summary="an identity code against a discriminator, and a pose that is named, not encoded; no style code",
        supervision="labels",
        needs_classes=True,
        factors={"identity": "content", "pose": "style"},
        presets={"default": {"verdict": "binary"}, "paper": PAPER},
        licence="Apache-2.0",
        reference="Tran, Yin and Liu 2017, Disentangled Representation Learning GAN for Pose-Invariant Face Recognition, "
        "CVPR 2017",
    )
