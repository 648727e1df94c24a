"""What the plug-in declares; imports nothing heavy."""

from collections.abc import Iterable

from unbraid import DisentanglerSpec, hookimpl


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(
        name="pisco",
        target="unbraid_pisco.model:Pisco",
        config="unbraid_pisco.config:PiscoConfig",
        summary="closed form: directions in which samples differ and versions of one content do not; nothing is trained",
        supervision="pairs",
        presets={"default": {}, "variance": {"weight": 0.0}, "strict": {"weight": 50.0}},
        licence="Apache-2.0",
        reference="Ngweta et al. 2023, Simple Disentanglement of Style and Content in Visual Representations",
    )
