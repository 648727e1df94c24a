"""What Szabo's method declares; imports nothing heavy."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl

#: Trains in a minute or two on a CPU; also what the config starts from.
DEFAULT: dict[str, object] = {
    "specified": 16,
    "unspecified": 16,
    "reconstruction": 1.0,
    "lr": 1e-3,
    "deception_lr": 1e-4,
    "steps": 1_500,
}

#: The MNIST code of Jha et al. for this method: its networks where the latent is a picture, an MLP elsewhere.
PAPER: dict[str, object] = {
    "specified": 16,
    "unspecified": 16,
    "reconstruction": 1.0,
    "deceptions": 2,
    "accuracy_limit": 0.8,
    "lr": 1e-4,
    "deception_lr": 1e-4,
    "betas": (0.5, 0.999),
    "pairs": 64,
    "channels": (16, 32, 64),
    "steps": 46_900,
}


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(
        name="szabo",
        target="unbraid.plugins.szabo.model:Szabo",
        config="unbraid.plugins.szabo.config:SzaboConfig",
        summary="two codes by swaps within a class and a pair discriminator, without a prior; the leaky yardstick",
        supervision="pairs",
        factors={"specified": "content", "unspecified": "style"},
        presets={"default": DEFAULT, "paper": PAPER},
        licence="Apache-2.0",
        reference="Szabo et al. 2017, Challenges in Disentangling Independent Factors of Variation, arXiv:1711.02245",
    )
