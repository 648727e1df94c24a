"""What the matching heads declare; imports nothing heavy."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(
        name="matching",
        target="unbraid.plugins.matching.model:Matching",
        config="unbraid.plugins.matching.config:MatchingConfig",
        summary="few-shot reference: attention over the support by cosine, raw, linear, an MLP or convolutions; no entangler",
        supervision="labels",
        factors={"embedding": "content"},
        presets={
            "default": {"network": "mlp"},
            "raw": {"network": "raw"},
            "linear": {"network": "linear"},
            "mlp": {"network": "mlp"},
            "paper": {"network": "auto", "temperature": 1.0},
        },
        licence="Apache-2.0",
        reference="Vinyals et al. 2016, Matching Networks for One Shot Learning, arXiv:1606.04080",
    )
