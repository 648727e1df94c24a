"""The manifest of a third party's method that works."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(
        name="echo_split",
        target="echo_split.model:EchoSplit",
        summary="Cut the latent in two halves; an example.",
        config="echo_split.model:EchoConfig",
        presets={"default": {}, "wide": {"width": 6}},
        supervision="pairs",
        licence="Apache-2.0",
    )
