"""What Mathieu's method declares; imports nothing heavy."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl

#: Trains in a minute or two on a CPU; also what the config starts from.
DEFAULT: dict[str, object] = {
    "specified": 16,
    "unspecified": 16,
    "reconstruction": 1.0,
    "swap": 1.0,
    "kl": 1.0,
    "adversarial": 1.0,
    "lr": 1e-3,
    "deception_lr": 1e-4,
    "steps": 1_500,
}

#: The pair-based MNIST code of Jha et al.: its networks where the latent is a picture, an MLP elsewhere.
PAPER: dict[str, object] = {
    "specified": 16,
    "unspecified": 16,
    "reconstruction": 1.0,
    "swap": 1.0,
    "kl": 1.0,
    "adversarial": 1.0,
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
        name="mathieu",
        target="unbraid.plugins.mathieu.model:Mathieu",
        config="unbraid.plugins.mathieu.config:MathieuConfig",
        summary="a specified code and a Gaussian unspecified one by swaps within a class and a pair discriminator",
        supervision="pairs",
        factors={"specified": "content", "unspecified": "style"},
        presets={"default": DEFAULT, "paper": PAPER},
        licence="Apache-2.0",
        reference="Mathieu et al. 2016, Disentangling Factors of Variation in Deep Representations using Adversarial "
        "Training, arXiv:1611.03383",
    )
