"""What cycle-VAE declares; imports nothing heavy."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl

#: Trains in a minute or two on a CPU; also what the config starts from.
DEFAULT: dict[str, object] = {
    "specified": 16,
    "unspecified": 16,
    "reconstruction": 2.0,
    "kl": 1.0,
    "reverse": 10.0,
    "lr": 1e-3,
    "steps": 2_500,
}

#: The authors' MNIST code: its networks where the latent is a picture, an MLP elsewhere.
PAPER: dict[str, object] = {
    "specified": 16,
    "unspecified": 16,
    "reconstruction": 2.0,
    "kl": 3.0,
    "reverse": 10.0,
    "lr": 1e-4,
    "deception_lr": 1e-4,
    "betas": (0.9, 0.999),
    "pairs": 64,
    "channels": (16, 32, 64),
    "steps": 93_700,
}


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(
        name="cycle_vae",
        target="unbraid.plugins.cycle_vae.model:CycleVAE",
        config="unbraid.plugins.cycle_vae.config:CycleVAEConfig",
        summary="a specified code and a Gaussian unspecified one by swaps within a class and a reverse cycle; no adversary",
        supervision="pairs",
        factors={"specified": "content", "unspecified": "style"},
        presets={"default": DEFAULT, "paper": PAPER},
        licence="Apache-2.0",
        reference="Jha et al. 2018, Disentangling Factors of Variation with Cycle-Consistent Variational Auto-Encoders, "
        "arXiv:1804.10469",
    )
