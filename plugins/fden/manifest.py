"""What FDEN declares; imports nothing heavy."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl

#: Trains in a minute or two on a CPU; also what the config starts from.
DEFAULT: dict[str, object] = {
    "alpha": 10.0,
    "alignment": "prototype",
    "dropout": 0.0,
    "initialiser": "glorot",
    "lr": 1e-3,
    "betas": (0.5, 0.999),
    "gamma": 0.5,
    "query_classes": 5,
    "trunk": (256, 256, 256),
    "branch": (256, 256),
    "entangler_branch": (256, 256),
    "entangler": (256, 256, 256),
    "critic": (512, 256, 64),
    "steps": 2_500,
}

#: Table 2 of the paper's supplement as printed. It does not train at CPU scale: see the README.
PAPER: dict[str, object] = {
    "alpha": 1.0,
    "beta": 1.0,
    "alignment": "relation",
    "dropout": 0.2,
    "initialiser": "truncated_normal",
    "lr": 1e-4,
    "betas": (0.5, 0.999),
    "gamma": 0.5,
    "ways": 5,
    "shots": 1,
    "queries": 1,
    "query_classes": 1,
    "episodes": 16,
    "trunk": (512, 512, 512),
    "branch": (512, 512),
    "entangler_branch": (256, 256),
    "entangler": (512, 512, 512),
    "critic": (1024, 256, 64),
    "steps": 625_000,
}

#: The authors' code, as far as it makes sense on a head: see the README.
CODE: dict[str, object] = {
    "alpha": 1.0,
    "beta": 1.0,
    "gamma": 1.0,
    "alignment": "relation",
    "clip": "per_tensor",
    "reconstruction": "sets",
    "dropout": 0.0,
    "slope": 0.001,
    "bias": False,
    "initialiser": "glorot",
    "lr": 1e-4,
    "betas": (0.5, 0.999),
    "ways": 5,
    "shots": 1,
    "queries": 1,
    "query_classes": 1,
    "episodes": 16,
    "trunk": (128, 128, 128),
    "split_trunk": True,
    "branch": (128, 128, 128),
    "entangler_branch": (128, 128, 128),
    "entangler": (128, 128, 128),
    "critic_branch": (128, 128),
    "critic": (256, 128, 64),
    "steps": 625_000,
}

#: Few-shot accuracy first: chosen on the validation characters of Omniglot, see the README.
OMNIGLOT: dict[str, object] = {
    "alpha": 1.0,
    "alignment": "prototype",
    "standardise": "none",
    "ways": 120,
    "queries": 2,
    "query_classes": 120,
    "episodes": 1,
    "trunk": (512, 512),
    "branch": (512,),
    "entangler": (256, 256),
    "critic": (512, 128),
    "steps": 5_000,
}


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(
        name="fden",
        target="unbraid.plugins.fden.model:FDEN",
        config="unbraid.plugins.fden.config:FDENConfig",
        summary="identity and style by episodes and a mutual-information critic; entangles them again",
        supervision="labels",
        factors={"identity": "content", "style": "style"},
        presets={"default": DEFAULT, "paper": PAPER, "code": CODE, "omniglot": OMNIGLOT},
        licence="Apache-2.0",
        reference="Yoon and Suk 2019, Plug-in Factorization for Latent Representation Disentanglement, arXiv:1905.11088",
    )
