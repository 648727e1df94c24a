"""What M2 declares; imports nothing heavy."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl

#: The second half of M1+M2 on MNIST: 50 numbers of style, one hidden layer, 3,000 passes over 50,000 digits.
PAPER: dict[str, object] = {
    "style": 50,
    "alpha": 0.1,
    "encoder": (500,),
    "decoder": (500,),
    "classifier": (500,),
    "rows": 500,
    "lr": 3e-4,
    "steps": 300_000,
}


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(
        name="m2",
        target="unbraid.plugins.m2.model:M2",
        config="unbraid.plugins.m2.config:M2Config",
        summary="a class and a style read beside it, by a variational bound; labels may be missing",
        supervision="partial",
        needs_classes=True,
        factors={"class": "content", "style": "style"},
        presets={"default": {"alpha": 10.0}, "paper": PAPER},
        licence="Apache-2.0",
        reference="Kingma et al. 2014, Semi-supervised Learning with Deep Generative Models, arXiv:1406.5298",
    )
