"""What the plug-in declares; imports nothing heavy."""

from collections.abc import Iterable

from unbraid import DisentanglerSpec, hookimpl


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(
        name="iin",
        target="unbraid_iin.model:Iin",
        config="unbraid_iin.config:IinConfig",
        summary="a flow whose blocks are factors: pairs that share a factor agree in its block; inverse exact",
        supervision="pairs",
        presets={
            "default": {},
            "both": {"labels": ("content", "style")},
            "paper": {"repeats": 12, "hidden": 512, "pairs": 25, "lr": 25 * 4.5e-6},
        },
        licence="Apache-2.0",
        reference="Esser, Rombach and Ommer 2020, A Disentangling Invertible Interpretation Network, arXiv:2004.13166",
    )
