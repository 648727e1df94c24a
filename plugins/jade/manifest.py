"""What JADE declares; imports nothing heavy."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl

#: Two classifiers joined by their last layers; what JADE adds is left out.
PAIRED: dict[str, object] = {"autoencode": False, "match": "off", "shared": True}
#: The sizes of the paper and, on maps, its convolutions.
PAPER: dict[str, object] = {
    "content": 10,
    "style": 10,
    "classifier": (500, 500, 500),
    "dropout": 0.5,
    "network": "auto",
}


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(
        name="jade",
        target="unbraid.plugins.jade.model:JADE",
        config="unbraid.plugins.jade.config:JADEConfig",
        summary="content and style of two domains with the same classes: one classifier, contents matched class by class",
        supervision="partial",
        domains=2,
        needs_classes=True,
        factors={"content": "content", "style": "style"},
        presets={
            "default": {"match": "kl"},
            "symmetric_kl": {"match": "symmetric_kl"},
            "class_moment": {"match": "class_moment"},
            "paper": PAPER,
            "paired": PAIRED,
            "single": {**PAIRED, "shared": False},
        },
        licence="Apache-2.0",
        reference="Banijamali, Karimi, Wong and Ghodsi 2017, JADE: Joint Autoencoders for Dis-Entanglement, "
        "NIPS workshop on Learning Disentangled Representations",
    )
