"""What the prototype heads declare; imports nothing heavy."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(
        name="prototype",
        target="unbraid.plugins.prototype.model:Prototype",
        config="unbraid.plugins.prototype.config:PrototypeConfig",
        summary="few-shot reference: class means of the latents, raw, linear or through an MLP; no entangler",
        supervision="labels",
        factors={"embedding": "content"},
        presets={
            "default": {"network": "mlp"},
            "raw": {"network": "raw"},
            "linear": {"network": "linear"},
            "mlp": {"network": "mlp"},
        },
        licence="Apache-2.0",
        reference="Snell et al. 2017, Prototypical Networks for Few-shot Learning, arXiv:1703.05175",
    )
