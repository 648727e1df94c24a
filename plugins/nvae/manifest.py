"""What N-VAE declares; imports nothing heavy."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(
        name="nvae",
        target="unbraid.plugins.nvae.model:NVAE",
        config="unbraid.plugins.nvae.config:NVAEConfig",
        summary="a class, latents that classes share and latents each class reads in its own way; labels may be missing",
        supervision="partial",
        needs_classes=True,
        factors={"class": "content", "shared": "style", "class_dependent": "style"},
        presets={
            "default": {"beta_c": 4.0},
            "equation6": {"beta_c": 1.0},
            "tied": {"beta_c": 4.0, "tie_gate": True},
            "paper": {"beta_c": 4.0, "class_weight": 1.0, "network": "auto"},
        },
        licence="Apache-2.0",
        reference="Antoran and Miguel 2019, Disentangling and Learning Robust Representations with Natural Clustering, "
        "arXiv:1901.09415",
    )
